"""Kontor-Log-Index and Kontor-Min-Index as numbers, for tests that compare them; clients send them back untouched.

Written from docs/formats/public-ids.md, not from the code."""
import struct

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ROUNDS, POSITION = 6, 2
MASK = (1 << 64) - 1


def siphash24(key, message):
    def mix():
        nonlocal v0, v1, v2, v3
        v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
        v1, v3 = (v1 << 13 | v1 >> 51) & MASK ^ v0, (v3 << 16 | v3 >> 48) & MASK ^ v2
        v0 = (v0 << 32 | v0 >> 32) & MASK
        v2, v0 = (v2 + v1) & MASK, (v0 + v3) & MASK
        v1, v3 = (v1 << 17 | v1 >> 47) & MASK ^ v2, (v3 << 21 | v3 >> 43) & MASK ^ v0
        v2 = (v2 << 32 | v2 >> 32) & MASK

    low, high = struct.unpack("<QQ", key)
    v0, v1 = low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d
    v2, v3 = low ^ 0x6c7967656e657261, high ^ 0x7465646279746573
    assert len(message) < 8
    block = int.from_bytes(message, "little") | len(message) << 56
    v3 ^= block
    mix(), mix()
    v0, v2 = v0 ^ block, v2 ^ 0xff
    mix(), mix(), mix(), mix()
    return struct.pack("<Q", v0 ^ v1 ^ v2 ^ v3)


class Positions:
    """Tokens of one instance; `key` is what `kontor id --key` says."""
    of_instance = None  # of the cluster that this process tests, where there is one

    def __init__(self, key):
        self.key = bytes.fromhex(key)

    def mixed(self, number, half):
        hashed = siphash24(self.key, bytes((number, POSITION)) + struct.pack(">I", half))
        return struct.unpack(">I", hashed[:4])[0]

    def token(self, index, group=0):
        number = group << 60 | index
        left, right = number >> 32, number & 0xffffffff
        for i in range(ROUNDS):
            left, right = right, left ^ self.mixed(i, right)
        number, digits = left << 32 | right, ""
        for _ in range(11):
            number, digit = divmod(number, 62)
            digits = DIGITS[digit] + digits
        return "1" + digits

    def index(self, token):
        """Of group 0; ValueError for what no node made."""
        number = 0
        for digit in token[1:]:
            number = number * 62 + DIGITS.index(digit)
        left, right = number >> 32, number & 0xffffffff
        for i in reversed(range(ROUNDS)):
            left, right = right ^ self.mixed(i, left), left
        index = left << 32 | right
        if token[0] != "1" or index >> 41:
            raise ValueError(token)
        return index


if __name__ == "__main__":
    positions = Positions("000102030405060708090a0b0c0d0e0f")
    for index, token in ((5, "1F0JJrUsWxcL"), (6, "1F31xutniuKW")):
        assert (positions.token(index), positions.index(token)) == (token, index)
    assert positions.token((1 << 41) - 1, 15) == "1CYwk3ENhdoc"
