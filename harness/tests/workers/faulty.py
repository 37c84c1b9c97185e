"""A worker that breaks the protocol in the way that its argument names."""

import json
import os
import signal
import sys

FAULT = sys.argv[1]
HELLO = {
    "protocol": "gradtier/worker/1",
    "name": "faulty",
    "versions": {"faulty": "0.1"},
    "derivatives": ["reverse/none", "forward/none"],
    "dtypes": ["float64"],
    "devices": ["cpu"],
    "ops": ["multiply"],
    "settings": {"mood": "bad"},
}


def say(message):
    print(message if isinstance(message, str) else json.dumps(message), flush=True)


def greet():
    if FAULT == "silent":
        sys.exit(3)
    if FAULT == "noise-only":
        for _ in range(1000):
            say("loading ...")
    if FAULT == "noise":
        say("loading ...")
    hello = dict(HELLO)
    if FAULT == "version":
        hello["protocol"] = "gradtier/worker/9"
    if FAULT == "no-ops":
        del hello["ops"]
    if FAULT == "ops-text":
        hello["ops"] = "multiply"
    if FAULT == "half-hello":
        sys.stdout.write('{"protocol": ')
        sys.exit(0)
    say(hello)


def reply(asked, first):
    """The answer to x * x with x = seed = (3,), in the manner of the fault."""
    good = {"id": asked["id"], "value": [[9.0]], "answer": [[6.0]], "dtype": "float64"}
    good["device"] = "cpu"
    if FAULT == "killed" or (FAULT == "killed-once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if FAULT == "half":
        sys.stdout.write('{"id": 1, "val')
        sys.stdout.flush()
        os._exit(7)
    if FAULT == "huge":
        good["value"], good["answer"] = [[0.1] * 200_000], [[1.5] * 200_000]
    changed = {
        "id": {"id": 99},
        "leaves": {"answer": [[6.0], [6.0]]},
        "length": {"answer": [[6.0, 6.0]]},
        "null-value": {"value": [None]},
        "null": {"answer": [None]},
        "text": {"answer": [["six"]]},
        "boolean": {"answer": [[True]]},
        "infinite": {"answer": [["-inf"]], "value": [["nan"]]},
        "dtype": {"dtype": "float16"},
        "elsewhere": {"dtype": "float32", "device": "cuda"},
    }
    say({**good, **changed.get(FAULT, {})})


def main():
    greet()
    started = os.environ.get("FAULTY_STARTED", "")
    first = not (started and os.path.exists(started))
    if started:
        open(started, "w").close()
    for line in sys.stdin:
        asked = json.loads(line)
        say_garbage = {
            "garbage": "certainly!",
            "list": "[1, 2]",
            "nan": '{"id": 1, "value": [[NaN]]}',
        }
        errors = {
            "declines": {"kind": "unsupported", "message": "no rule for multiply"},
            "raises": {"kind": "raised", "message": "DomainError: too small"},
            "odd-error": {"kind": "sulks"},
        }
        if FAULT in say_garbage:
            say(say_garbage[FAULT])
        elif FAULT in errors:
            say({"id": asked["id"], "error": errors[FAULT]})
        else:
            reply(asked, first)


main()
