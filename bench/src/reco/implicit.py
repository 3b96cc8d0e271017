"""Fits the ALS of `implicit` as its tutorial does, and recommends ten to one person after the other.

Standard input, little-endian: how many items and how many people there are, where each person's likings
begin and where the last ones end (64 bits each), then what they like, person by person (32 bits each).
Prints one JSON object; times are in milliseconds.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy
import scipy.sparse
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import bm25_weight

threads, requests, stride = (int(argument) for argument in sys.argv[1:])


def read(kind, count):
    kind = numpy.dtype(kind)
    return numpy.frombuffer(sys.stdin.buffer.read(kind.itemsize * int(count)), kind)


def took(work):
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1e3, result


def fit():
    # The settings of examples/tutorial_lastfm.ipynb, which leaves the others as they are.
    weighted = bm25_weight(likings.T.tocsr(), K1=100, B=0.8).T.tocsr()
    model = AlternatingLeastSquares(
        factors=64, regularization=0.05, alpha=2.0, num_threads=threads, random_state=42, use_gpu=False
    )
    model.fit(weighted, show_progress=False)
    return model, weighted


def peak_mb():
    # Not `getrusage`: that begins with the peak of the program that started us.
    with open("/proc/self/status") as status:
        kib = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
    return int(kib) * 1024 / 1e6


def answers(**how):
    people = [nth * stride % weighted.shape[0] for nth in range(requests)]
    return [took(lambda: model.recommend(p, weighted[p], N=10, **how))[0] for p in people]


items, people = read("<i8", 2)
starts = read("<i8", people + 1)
liked = read("<i4", starts[-1])
ones = numpy.ones(len(liked), "float32")
likings = scipy.sparse.csr_matrix((ones, liked, starts), shape=(people, items))
fit_ms, (model, weighted) = took(fit)
print(
    json.dumps(
        {
            "version": version("implicit"),
            "fit_ms": fit_ms,
            "peak_mb": peak_mb(),
            "fitted_ms": answers(),
            "live_ms": answers(recalculate_user=True),
        }
    )
)
