#!/usr/bin/env python3
"""A TCP link that is slow, far away, or broken on command; for tests with real processes.

    link_proxy.py --listen 127.0.0.1:0 --to HOST:PORT [--rate BYTES_A_SECOND] [--latency-ms ONE_WAY]

Prints {"port": N} as its first line. `forward` is from the client to HOST:PORT, `backward` the answer. The rate
is one budget for each direction that all connections share, as on a real line; the latency is for each direction.

Commands, a line each on standard input; each is answered with a line of JSON. The end of the input ends the proxy.
    cut            both directions swallow everything; nobody is told (a pulled cable); new connections hang too
    cut-forward    only forward; cut-backward: only backward
    heal           what was not read meanwhile goes on; what was swallowed is lost, so those connections are reset
    drop           resets all connections; new ones are served
    rate N         bytes a second for each direction; 0: no limit
    latency-ms N   one way
    stats          connections and bytes so far
"""
import argparse
import asyncio
import json
import socket
import struct
import sys

CHUNK = 64 * 1024
HIGH_WATER = 1 << 20  # bytes on the line, in one direction of a connection: a router's buffer


class Line:
    """One direction of the whole link: its rate, its latency, and whether it is cut."""

    def __init__(self, rate, latency_ms):
        self.rate, self.latency = rate, latency_ms / 1000
        self.cut = False
        self.free_at = 0.0  # when the last byte that was accepted has left
        self.bytes = 0

    def send_time(self, now, size):
        if self.rate > 0:
            self.free_at = max(self.free_at, now) + size / self.rate
            return self.free_at
        return now


class Pipe:
    """One direction of one connection."""

    def __init__(self, line, reader, writer):
        self.line, self.reader, self.writer = line, reader, writer
        self.queue, self.queued = asyncio.Queue(), 0
        self.room = asyncio.Event()
        self.room.set()
        self.lost = False  # bytes are missing: it must not go on

    def chunk(self):
        rate = self.line.rate
        return CHUNK if rate <= 0 else max(512, min(CHUNK, rate // 50))

    async def read(self):
        loop = asyncio.get_running_loop()
        while True:
            data = await self.reader.read(self.chunk())
            if self.line.cut:  # also the end of the stream: a cable tells nobody
                if not data:
                    return await asyncio.Event().wait()
                self.lost = True
                continue
            leaves = self.line.send_time(loop.time(), len(data))
            self.queued += len(data)
            await self.queue.put((leaves + self.line.latency, data))
            if not data:
                return
            if self.queued > HIGH_WATER:
                self.room.clear()
            # A slow line is read only as fast as it sends, so the sender feels it.
            wait = leaves - loop.time()
            if wait > 0.001:
                await asyncio.sleep(wait)
            await self.room.wait()

    async def write(self):
        loop = asyncio.get_running_loop()
        while True:
            at, data = await self.queue.get()
            wait = at - loop.time()
            if wait > 0.0005:
                await asyncio.sleep(wait)
            if self.line.cut:  # it was on its way
                self.lost = True
                continue
            if not data:
                self.writer.write_eof()
                return
            self.writer.write(data)
            self.line.bytes += len(data)
            await self.writer.drain()
            self.queued -= len(data)
            if self.queued <= HIGH_WATER:
                self.room.set()


class Proxy:
    def __init__(self, target, rate, latency_ms):
        self.target = target
        self.forward, self.backward = Line(rate, latency_ms), Line(rate, latency_ms)
        self.connections = {}  # task -> (pipes, writers)
        self.accepted = 0
        self.healed = asyncio.Event()
        self.healed.set()

    async def serve(self, reader, writer):
        self.accepted += 1
        task, writers = asyncio.current_task(), [writer]
        self.connections[task] = ([], writers)
        try:
            await self.healed.wait()
            there_reader, there = await asyncio.open_connection(*self.target)
            writers.append(there)
            for one in writers:
                one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pipes = [Pipe(self.forward, reader, there), Pipe(self.backward, there_reader, writer)]
            self.connections[task] = (pipes, writers)
            await asyncio.gather(*(work() for pipe in pipes for work in (pipe.read, pipe.write)))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in writers:
                self.reset(one)
            self.connections.pop(task, None)

    @staticmethod
    def reset(writer):
        sock = writer.get_extra_info("socket")
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        writer.transport.abort()

    def drop(self, which=lambda pipes: True):
        for task, (pipes, _) in list(self.connections.items()):
            if which(pipes):
                task.cancel()

    def set_cut(self, forward, backward):
        self.forward.cut, self.backward.cut = self.forward.cut or forward, self.backward.cut or backward
        self.healed.clear()

    def heal(self):
        self.forward.cut = self.backward.cut = False
        self.healed.set()
        self.drop(lambda pipes: any(pipe.lost for pipe in pipes))

    def command(self, line):
        words = line.split()
        name = words[0]
        if name in ("cut", "cut-forward", "cut-backward"):
            self.set_cut(name != "cut-backward", name != "cut-forward")
        elif name == "heal":
            self.heal()
        elif name == "drop":
            self.drop()
        elif name == "rate":
            for one in (self.forward, self.backward):
                one.rate, one.free_at = int(words[1]), 0.0
        elif name == "latency-ms":
            for one in (self.forward, self.backward):
                one.latency = float(words[1]) / 1000
        elif name != "stats":
            return {"error": f"unknown command {name}"}
        return {"ok": name, "open": len(self.connections), "accepted": self.accepted,
                "forward_bytes": self.forward.bytes, "backward_bytes": self.backward.bytes}


def address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"not host:port: {text}")
    return host.strip("[]"), int(port)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=address, default=("127.0.0.1", 0))
    parser.add_argument("--to", type=address, required=True)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0)
    options = parser.parse_args()
    proxy = Proxy(options.to, options.rate, options.latency_ms)
    server = await asyncio.start_server(proxy.serve, *options.listen, limit=CHUNK)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).decode():
        if line.strip():
            try:
                answer = proxy.command(line)
            except (ValueError, IndexError):
                answer = {"error": f"not understood: {line.strip()}"}
            print(json.dumps(answer), flush=True)
    proxy.drop()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
