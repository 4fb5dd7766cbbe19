"""Makes batches of three CIFAR images as different Pythons pickle them, gzipped, and ones that must be refused."""
import gzip, os, pickle, struct
import numpy as np

data = (np.arange(3 * 3072) // 7 % 256).astype(np.uint8).reshape(3, 3072)
labels = [0, 9, 4]


def write(name, content):
    with gzip.GzipFile(f"{name}.gz", "wb", mtime=0) as f:
        f.write(content)


def batch(labels=labels):
    return {"batch_label": "training batch 1 of 5", "labels": labels, "data": data, "filenames": ["a.png", "b.png", "c.png"]}


for protocol in (2, 3, 4, 5):
    write(f"protocol{protocol}", pickle.dumps(batch(), protocol=protocol))
write("labels-array", pickle.dumps(batch(np.array(labels)), protocol=4))
write("labels-scalars", pickle.dumps(batch(list(np.array(labels, dtype=np.int32))), protocol=2))
write("bytes-keys", pickle.dumps({k.encode(): v for k, v in batch().items()}, protocol=3))


def s(text):  # str of Python 2
    return b"U" + bytes([len(text)]) + text.encode()


# What cPickle of Python 2 wrote for the published files: SHORT_BINSTRING and BINSTRING.
array = (b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85" + s("b") + b"\x87R(K\x01K\x03M\x00\x0c\x86"
         + b"cnumpy\ndtype\n" + s("u1") + b"K\x00K\x01\x87R(K\x03" + s("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
         + b"T" + struct.pack("<I", data.size) + data.tobytes() + b"tb")
write("python2", b"\x80\x02}(" + s("labels") + b"](K\x00K\x09K\x04e" + s("data") + array + b"u.")


class Evil:
    def __init__(self, f, *args):
        self.f, self.args = f, args

    def __reduce__(self):
        return self.f, self.args


marker = "executed-by-pickle"
write("evil-system", pickle.dumps({"data": Evil(os.system, f"touch {marker}"), "labels": labels}, protocol=2))
write("evil-eval", pickle.dumps({"data": Evil(eval, f"open('{marker}', 'w')"), "labels": labels}, protocol=4))
write("evil-getattr", b"\x80\x02c__builtin__\ngetattr\ncnumpy\nndarray\nX\x04\x00\x00\x00dump\x86R.")
write("evil-inst", b"\x80\x02(X\x04\x00\x00\x00trueios\nsystem\n.")
write("evil-persistent", b"\x80\x02X\x01\x00\x00\x00aQ.")
write("evil-claim", b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"abc.")
