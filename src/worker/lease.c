#include "worker/lease.h"

#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MAX_MS = 1000, LOOK_MIN_MS = 20 };

struct page {
    _Atomic int64_t deadline_ms; /* of CLOCK_BOOTTIME */
};

struct lease {
    struct page *page; /* shared with the runners */
    int64_t half_ms;
    unsigned lapses; /* that renewals found */
};

int lease_new(int64_t lease_ms, struct lease **ret_lease, struct err *err)
{
    struct page *page =
        /* cppcheck-suppress invalidFunctionArg */
        mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return err_set(err, ERR_MEMORY, errno, "a page for the lease");
    struct lease *lease = MEM_NEW(struct lease);
    lease->page = page;
    lease_set(lease, lease_ms);
    atomic_store(&page->deadline_ms, time_boot_ms() + lease->half_ms);
    *ret_lease = lease;
    return 0;
}

void lease_free(struct lease **lease)
{
    if (!*lease)
        return;
    (void)munmap((*lease)->page, sizeof(struct page));
    free(*lease);
    *lease = NULL;
}

void lease_set(struct lease *lease, int64_t lease_ms)
{
    lease->half_ms = lease_ms / 2;
}

static bool is_over(struct page *page)
{
    return time_boot_ms() >= atomic_load(&page->deadline_ms);
}

void lease_renew(struct lease *lease)
{
    lease->lapses += is_over(lease->page);
    atomic_store(&lease->page->deadline_ms, time_boot_ms() + lease->half_ms);
}

bool lease_is_over(const struct lease *lease)
{
    return is_over(lease->page);
}

unsigned lease_lapses(const struct lease *lease)
{
    return lease->lapses + is_over(lease->page);
}

/* ---- in a runner ---- */

static struct page *guarded;

static void on_alarm(int number)
{
    (void)number;
    if (is_over(guarded))
        _exit(LEASE_STATUS);
}

/* A signal, since a runner may hang in anything but the kernel; and not a thread, which would be
 * one more than the one that may fork. */
void lease_guard(const struct lease *lease)
{
    guarded = lease->page;
    int64_t look_ms = lease->half_ms / 4;
    look_ms = look_ms > LOOK_MAX_MS ? LOOK_MAX_MS : look_ms < LOOK_MIN_MS ? LOOK_MIN_MS : look_ms;
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct timeval every = { .tv_sec = look_ms / 1000, .tv_usec = look_ms % 1000 * 1000 };
    struct itimerval timer = { every, every };
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}
