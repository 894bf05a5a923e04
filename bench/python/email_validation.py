"""The work of the e-mail validator with pandas: CSV from an address, valid rows to another, counts to standard output.

usage: email_validation.py GET_URL PUT_URL CHUNK_ROWS      (CHUNK_ROWS 0 = the whole file at once)

The addresses are signed ones of the same store that Podium's service uses. Starting Python and importing pandas is not
in the time. The rows go through a temporary file, because an upload needs its length first.
"""

import json
import resource
import sys
import tempfile
import time
import urllib.request

import pandas

RULE = r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$"


def main():
    source, target, chunk_rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    begun = time.monotonic()
    rows = valid_rows = 0
    # as texts, so that cells stay what they are: otherwise pandas turns 007 into 7
    options = {"dtype": str, "keep_default_na": False}
    with urllib.request.urlopen(source) as response, tempfile.TemporaryFile() as out:
        if chunk_rows:
            frames = pandas.read_csv(response, chunksize=chunk_rows, **options)
        else:
            frames = [pandas.read_csv(response, **options)]
        for number, frame in enumerate(frames):
            valid = frame[frame["email"].str.match(RULE)]
            rows += len(frame)
            valid_rows += len(valid)
            valid.to_csv(out, index=False, header=number == 0)
        size = out.tell()
        out.seek(0)
        request = urllib.request.Request(target, data=out, method="PUT", headers={"Content-Length": str(size)})
        urllib.request.urlopen(request).read()
    seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"rows": rows, "valid": valid_rows, "seconds": seconds, "peak_bytes": peak, "pandas": pandas.__version__}))


main()
