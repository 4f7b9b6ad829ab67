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


def digits_of(number):
    digits = ""
    for _ in range(11):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits


def number_of(digits):
    number = 0
    for digit in digits:
        number = number * 62 + DIGITS.index(digit)
    return number


class Positions:
    """Tokens of one instance; `key` is what `kontor id --key` says."""
    of_instance = None  # of the cluster that this process tests, where there is one

    def __init__(self, key):
        self.key = bytes.fromhex(key)

    def mixed(self, number, half):
        hashed = siphash24(self.key, bytes((number, POSITION)) + struct.pack(">I", half))
        return struct.unpack(">I", hashed[:4])[0]

    def permuted(self, number):
        left, right = number >> 32, number & 0xffffffff
        for i in range(ROUNDS):
            left, right = right, left ^ self.mixed(i, right)
        return left << 32 | right

    def back(self, number):
        left, right = number >> 32, number & 0xffffffff
        for i in reversed(range(ROUNDS)):
            left, right = right ^ self.mixed(i, left), left
        return left << 32 | right

    def token(self, index, group=0, chance=1):
        return "1" + digits_of(chance) + digits_of(self.permuted(self.permuted(chance) ^ (group << 60 | index)))

    def index(self, token):
        """Of group 0; ValueError for what no node made."""
        if token[0] != "1" or len(token) != 23:
            raise ValueError(token)
        index = self.back(number_of(token[12:])) ^ self.permuted(number_of(token[1:12]))
        if index >> 41:
            raise ValueError(token)
        return index


if __name__ == "__main__":
    positions = Positions("000102030405060708090a0b0c0d0e0f")
    for index, chance, token in ((5, 1, "100000000001CLApv1LQlsO"), (5, 2, "1000000000022xcj70DQ549"),
                                 (6, 1, "1000000000011imRqMTmWM7")):
        assert (positions.token(index, chance=chance), positions.index(token)) == (token, index)
    assert positions.token((1 << 41) - 1, 15, MASK) == "1LygHa16AHYF128VELxS8pZ"
