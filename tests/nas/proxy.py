#!/usr/bin/env python3
"""proxy.py SERVER-PORT LOG ALL SOME: a TCP proxy for NFSv4.0 that loses replies.

It listens on a free port of 127.0.0.1 and prints which. Each ALLth reply is lost, and of those to
operations that change names (RENAME, LINK, CREATE, REMOVE) each SOMEth; the connection goes with
it, so that the client connects anew and sends its request again. What the server answers then goes
through, whatever it is. LOG gets a line for each: "lost OPERATION STATUS", "again OPERATION STATUS".
If there is a file LOG.name, the reply to a RENAME to the name in it is lost, and the file removed.
"""
import os
import socket
import struct
import sys
import threading

NAMES = {4: "close", 6: "create", 9: "getattr", 11: "link", 15: "lookup", 18: "open", 25: "read",
         28: "remove", 29: "rename", 38: "write"}
CHANGES = ("rename", "link", "create", "remove")

server_port, log_path, all_th, some_th = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
lock = threading.Lock()
log = open(log_path, "w", buffering=1)
seen = {"all": 0, "some": 0}
lost = set()  # xids: a reply is lost once


def operation(call):
    """The one that a compound is about, the first that does more than name a file; a rename's target."""
    def opaque(at):
        size = struct.unpack_from(">I", call, at)[0]
        return at + 4 + (size + 3) // 4 * 4

    kind, _, program, _, procedure = struct.unpack_from(">5I", call, 4)
    if (kind, program, procedure) != (0, 100003, 1):
        return "other", ""
    at = opaque(opaque(24 + 4) + 4)  # past credential and verifier
    at = opaque(at)                  # tag
    _, count = struct.unpack_from(">2I", call, at)
    at += 8
    for _ in range(count):
        number = struct.unpack_from(">I", call, at)[0]
        at += 4
        if number == 29:
            at = opaque(at)
            size = struct.unpack_from(">I", call, at)[0]
            return "rename", call[at + 4:at + 4 + size].decode()
        if number == 22:  # PUTFH
            at = opaque(at)
        elif number not in (24, 32):  # PUTROOTFH, SAVEFH
            return NAMES.get(number, str(number)), ""
    return "other", ""


def status(reply):
    """Of the compound: 0, or 2 for ENOENT, 17 for EEXIST."""
    size = struct.unpack_from(">I", reply, 16)[0]
    return struct.unpack_from(">I", reply, 20 + (size + 3) // 4 * 4 + 4)[0]


def records(connection):
    """Each whole RPC message, less its record marks."""
    def exactly(count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    while True:
        message, is_last = b"", False
        while not is_last:
            mark = struct.unpack(">I", exactly(4))[0]
            is_last = bool(mark >> 31)
            message += exactly(mark & 0x7FFFFFFF)
        yield message


def send(connection, message):
    connection.sendall(struct.pack(">I", 0x80000000 | len(message)) + message)


def is_named(name):
    try:
        with open(log_path + ".name") as file:
            if not name or file.read().strip() != name:
                return False
        os.unlink(log_path + ".name")
        return True
    except OSError:
        return False


def is_to_be_lost(xid, about, name):
    with lock:
        if about == "other" or xid in lost:
            return False
        if is_named(name):
            lost.add(xid)
            return True
        seen["all"] += 1
        seen["some"] += about in CHANGES
        if seen["all"] % all_th and (about not in CHANGES or seen["some"] % some_th):
            return False
        lost.add(xid)
        return True


def forward(client):
    server = socket.create_connection(("127.0.0.1", server_port))
    asked = {}

    def end():
        for connection in (client, server):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def calls():
        try:
            for call in records(client):
                asked[call[:4]] = operation(call)
                send(server, call)
        except (OSError, EOFError):
            pass
        end()

    def replies():
        try:
            for reply in records(server):
                xid = reply[:4]
                about, name = asked.pop(xid, ("other", ""))
                if is_to_be_lost(xid, about, name):
                    log.write(f"lost {about} {status(reply)}\n")
                    break
                if xid in lost:
                    log.write(f"again {about} {status(reply)}\n")
                send(client, reply)
        except (OSError, EOFError):
            pass
        end()

    threading.Thread(target=calls, daemon=True).start()
    threading.Thread(target=replies, daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    try:
        forward(listener.accept()[0])
    except OSError:
        pass
