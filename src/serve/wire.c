#include "serve/wire.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct lengths {
    uint32_t head, body;
};

enum { PIECE_BYTES = 256 << 10 };

/* ---- questions ---- */

void wire_add_question(struct str *bytes, const char *question, const char *body, size_t body_len)
{
    struct lengths lengths = { (uint32_t)strlen(question), (uint32_t)body_len };
    str_add_bytes(bytes, &lengths, sizeof(lengths));
    str_add(bytes, question);
    if (body_len > 0)
        str_add_bytes(bytes, body, body_len);
}

static bool read_all(int fd, void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        ssize_t got = recv(fd, at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

int wire_next_question(int fd, json_t **ret_question, char **ret_body, size_t *ret_len)
{
    struct lengths lengths;
    CLEANUP(mem_free_text) char *head = NULL, *body = NULL;
    if (!read_all(fd, &lengths, sizeof(lengths)))
        return 0;
    head = mem_zero((size_t)lengths.head + 1, 1);
    body = mem_zero((size_t)lengths.body + 1, 1);
    if (!read_all(fd, head, lengths.head) || !read_all(fd, body, lengths.body))
        return 0;
    *ret_question = json_loads(head, 0, NULL);
    *ret_body = TAKE(body);
    *ret_len = lengths.body;
    return *ret_question ? 1 : 0;
}

/* ---- answers ---- */

static char *head_of(const struct answer *answer)
{
    CLEANUP(json_drop) json_t *head = json_object();
    json_set_int(head, "status", answer->status);
    json_set_text(head, "type", answer->type);
    json_set_text(head, "etag", answer->etag);
    json_set_text(head, "disposition", answer->disposition);
    json_set_text(head, "location", answer->location);
    json_set_int(head, "pipe_bytes", answer->pipe_bytes);
    return json_line(head);
}

static bool send_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* The descriptor goes with the lengths. */
static bool send_lengths(int fd, const struct lengths *lengths, int passed_fd)
{
    struct lengths copy = *lengths;
    struct iovec part = { &copy, sizeof(copy) };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (passed_fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passed_fd, sizeof(int));
    }
    ssize_t sent;
    while ((sent = sendmsg(fd, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return sent == (ssize_t)sizeof(copy);
}

bool wire_send_answer(int fd, const struct answer *answer)
{
    CLEANUP(mem_free_text) char *head = head_of(answer);
    struct lengths lengths = { (uint32_t)strlen(head), (uint32_t)answer->body_len };
    return send_lengths(fd, &lengths, answer->pipe_fd) && send_all(fd, head, lengths.head) &&
           send_all(fd, answer->body, answer->body_len);
}

void wire_reader_release(struct wire_reader *reader)
{
    str_release(&reader->bytes);
    fs_close(&reader->pipe_fd);
}

static ssize_t take_bytes(struct wire_reader *reader, int fd)
{
    static char piece[PIECE_BYTES]; /* of the one thread */
    struct iovec part = { piece, sizeof(piece) };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got <= 0)
        return got;
    str_add_bytes(&reader->bytes, piece, (size_t)got);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        fs_close(&reader->pipe_fd);
        memcpy(&reader->pipe_fd, CMSG_DATA(header), sizeof(int));
    }
    return got;
}

static char *copy_text(const json_t *head, const char *key)
{
    const char *text = json_get_text(head, key, NULL);
    return text ? mem_strdup(text) : NULL;
}

static struct answer *parse(struct wire_reader *reader, const struct lengths *lengths)
{
    const char *text = reader->bytes.data + sizeof(*lengths);
    CLEANUP(json_drop) json_t *head = json_loadb(text, lengths->head, 0, NULL);
    if (!head)
        return NULL;
    struct answer *answer = answer_new((int)json_get_int(head, "status", 500));
    answer->type = copy_text(head, "type");
    answer->etag = copy_text(head, "etag");
    answer->disposition = copy_text(head, "disposition");
    answer->location = copy_text(head, "location");
    answer->pipe_bytes = json_get_int(head, "pipe_bytes", 0);
    answer->body = mem_zero((size_t)lengths->body + 1, 1);
    memcpy(answer->body, text + lengths->head, lengths->body);
    answer->body_len = lengths->body;
    answer->pipe_fd = reader->pipe_fd;
    reader->pipe_fd = -1;
    return answer;
}

int wire_take_answer(struct wire_reader *reader, int fd, struct answer **ret_answer)
{
    struct lengths lengths;
    ssize_t got = take_bytes(reader, fd);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return -EPIPE;
    if (reader->bytes.len < sizeof(lengths))
        return 0;
    memcpy(&lengths, reader->bytes.data, sizeof(lengths));
    if (reader->bytes.len < sizeof(lengths) + lengths.head + (size_t)lengths.body)
        return 0;
    struct answer *answer = parse(reader, &lengths);
    wire_reader_release(reader);
    if (!answer)
        return -EPROTO;
    *ret_answer = answer;
    return 1;
}
