"""Downloads that end: one deadline for all that a server may send, and a bound on the bytes."""

import time
import zlib

CHUNK = 1 << 16  # bytes


def download(url, size, timeout, deadline):
    """Download a gzipped file by http or https, and unpack it.

    Returned are its bytes, one more than `size` at the most; what went wrong, or None; and whether
    the server may be asked for another file. The server may be silent for `timeout` seconds, and
    all must be done in `deadline` seconds.
    """
    from http.client import HTTPException
    from multiprocessing import TimeoutError
    from multiprocessing.pool import ThreadPool
    from urllib.error import HTTPError

    try:
        # A socket's time-out begins anew with each byte, be it of a header or of a chunk's size.
        with ThreadPool(1) as pool:  # which does not wait for its thread
            asked = pool.apply_async(_download, (url, size, timeout, deadline))
            return asked.get(deadline), None, True
    except TimeoutError:
        return b"", f"not done after {deadline:g} s", False
    except HTTPError as error:
        return b"", str(error), True
    except zlib.error as error:
        return b"", f"not gzip, or damaged: {error}", True
    except (OSError, HTTPException, ValueError) as error:  # ValueError: no address
        return b"", str(getattr(error, "reason", error)) or repr(error), False


def _download(url, size, timeout, deadline):
    from urllib import request

    # Those of urlopen, but for ftp:, file: and data:, to none of which a server may lead us.
    proxies = {name: proxy for name, proxy in request.getproxies().items() if name != "ftp"}
    opener = request.OpenerDirector()
    opener.add_handler(request.ProxyHandler(proxies))
    for name in ("Unknown", "HTTP", "HTTPS", "HTTPDefaultError", "HTTPRedirect"):
        opener.add_handler(getattr(request, name + "Handler")())
    opener.add_handler(request.HTTPErrorProcessor())
    data, end = bytearray(), time.monotonic() + deadline + 1
    with opener.open(url, timeout=timeout) as response:
        while len(data) <= size + CHUNK and time.monotonic() < end:
            chunk = response.read1(CHUNK)
            if not chunk:
                return zlib.decompressobj(wbits=31).decompress(data, size + 1)  # 31: gzip
            data += chunk
    raise ValueError(f"more than {size + CHUNK} bytes")
