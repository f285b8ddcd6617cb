"""Ways to damage a video file, for tests: MP4s of one H.264 track as `omma clip` writes them."""
import struct
import wave


def number(data, at, size):
    return int.from_bytes(data[at:at + size], "big")


def units_of(mp4):
    """(offset, size) of each network unit, without its length."""
    tag = mp4.index(b"mdat")
    end = tag - 4 + number(mp4, tag - 4, 4)
    at, units = tag + 4, []
    while at + 4 < end:
        size = number(mp4, at, 4)
        units.append((at + 4, size))
        at += 4 + size
    return units


def byte_stream_of(mp4):
    """The same video as a raw H.264 byte stream, which may be followed by another one."""
    parts, at = [], mp4.index(b"avcC") + 9
    for _ in range(2):  # Counted parameter sets: two kinds.
        count, at = mp4[at] & 31, at + 1
        for _ in range(count):
            size = number(mp4, at, 2)
            parts.append(mp4[at + 2:at + 2 + size])
            at += 2 + size
    parts += [mp4[offset:offset + size] for offset, size in units_of(mp4)]
    return b"".join(b"\0\0\0\1" + part for part in parts)


def with_damaged_units(mp4, first, count):
    """The headers stay, the pixels go."""
    data = bytearray(mp4)
    for offset, size in units_of(mp4)[first:first + count]:
        data[offset + 1:offset + size] = b"\xff" * (size - 1)
    return bytes(data)


def with_unknown_codec(mp4):
    return mp4.replace(b"avc1", b"zzzz")


def write_sound(path):
    """A file with a track, but none of pictures."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(struct.pack("<8000h", *range(8000)))
