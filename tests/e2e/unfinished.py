"""A gRPC call whose message never ends, spoken by hand: clients of the library send whole ones only."""

import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK, END_HEADERS = 1, 4
INITIAL_WINDOW = 4
FRAME_BYTES = 16_384


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name, value):
    """Literal, not indexed."""
    return b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class UnfinishedCall:
    def __init__(self, port, method, announced):
        self.announced = announced
        self.sent = 0
        self.ended = None  # Why, once the node has ended it.
        self.connection_window = self.stream_window = self.initial_window = 65_535
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        names = {":method": "POST", ":scheme": "http", ":path": method, ":authority": "node",
                 "content-type": "application/grpc", "te": "trailers"}
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
                            + frame(HEADERS, END_HEADERS, 1, b"".join(header(*item) for item in names.items())))
        self.waiting = b"\x00" + struct.pack(">I", announced)

    def send_all_but_the_last_byte(self, patience):
        """Until the node has taken that much, ended the call, or taken nothing for `patience` seconds."""
        self.socket.settimeout(patience)
        goal = self.announced - 1
        try:
            while self.sent < goal and self.ended is None:
                room = min(self.connection_window, self.stream_window, FRAME_BYTES)
                if room <= 0:
                    self.hear()
                    continue
                payload = (self.waiting + b"x" * room)[:min(room, goal - self.sent + len(self.waiting))]
                self.sent += len(payload) - len(self.waiting)
                self.waiting = b""
                self.connection_window -= len(payload)
                self.stream_window -= len(payload)
                self.socket.sendall(frame(DATA, 0, 1, payload))
        except TimeoutError:
            pass
        except OSError as error:
            self.ended = str(error)

    def exactly(self, count):
        out = b""
        while len(out) < count:
            piece = self.socket.recv(count - len(out))
            if not piece:
                raise ConnectionError("closed")
            out += piece
        return out

    def hear(self):
        head = self.exactly(9)
        kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
        payload = self.exactly(int.from_bytes(head[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == INITIAL_WINDOW:
                    self.stream_window += value - self.initial_window
                    self.initial_window = value
            self.socket.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            more = struct.unpack(">I", payload)[0]
            if stream == 0:
                self.connection_window += more
            else:
                self.stream_window += more
        elif kind in (HEADERS, RST_STREAM, GOAWAY):
            self.ended = {HEADERS: "answered", RST_STREAM: "reset", GOAWAY: "told to go"}[kind]

    def close(self):
        self.socket.close()
