"""A whole worker: dual numbers in plain Python, written from PROTOCOL.md alone.

It imports nothing of gradtier.  Second order is dual numbers over dual numbers.
"""

import json
import math
import sys
from functools import reduce


class Dual:
    """value + tangent * e with e * e = 0; either may be a Dual itself."""

    def __init__(self, value, tangent=0.0):
        self.value, self.tangent = value, tangent


def lift(x):
    return x if isinstance(x, Dual) else Dual(x)


def add(x, y):
    if isinstance(x, Dual) or isinstance(y, Dual):
        x, y = lift(x), lift(y)
        return Dual(add(x.value, y.value), add(x.tangent, y.tangent))
    return x + y


def multiply(x, y):
    if isinstance(x, Dual) or isinstance(y, Dual):
        x, y = lift(x), lift(y)
        tangent = add(multiply(x.tangent, y.value), multiply(x.value, y.tangent))
        return Dual(multiply(x.value, y.value), tangent)
    return x * y


def number(x):
    """The number that a branch looks at."""
    return number(x.value) if isinstance(x, Dual) else x


def chain(function, slope):
    """An operation of one argument from its value and its slope, both of any numbers."""

    def operation(x):
        if isinstance(x, Dual):
            return Dual(operation(x.value), multiply(slope(x.value), x.tangent))
        return function(x)

    return operation


negative = chain(lambda x: -x, lambda x: -1.0)
reciprocal = chain(lambda x: 1.0 / x, lambda x: negative(multiply(reciprocal(x), reciprocal(x))))
exp = chain(math.exp, lambda x: exp(x))
log = chain(math.log, reciprocal)
sin = chain(math.sin, lambda x: cos(x))
cos = chain(math.cos, lambda x: negative(sin(x)))

OPS = {
    "negative": negative,
    "exp": exp,
    "log": log,
    "sin": sin,
    "cos": cos,
    "add": add,
    "multiply": multiply,
    "subtract": lambda x, y: add(x, negative(y)),
    "divide": lambda x, y: multiply(x, reciprocal(y)),
    "maximum": lambda x, y: x if number(x) > number(y) else y,
    "less": lambda x, y: float(number(x) < number(y)),
    "where": lambda condition, x, y: x if number(condition) else y,
}
HELLO = {
    "protocol": "gradtier/worker/1",
    "name": "dual numbers",
    "versions": {"dual": "1"},
    "derivatives": ["forward/none", "forward/forward"],
    "dtypes": ["float64"],
    "devices": ["cpu"],
    "ops": [*OPS, "gather", "concat", "sum"],
}


def run(program, inputs):
    values = list(inputs)
    for node in program["nodes"][len(inputs) :]:
        op, args = node["op"], [values[i] for i in node.get("args", ())]
        if op == "constant":
            values.append([float(t) for t in node["data"]])  # float reads "nan" and "inf" as well
        elif op == "gather":
            values.append([args[0][i] for i in node["index"]])
        elif op == "concat":
            values.append([x for part in args for x in part])
        elif op == "sum":
            length, rows = node["length"], range(node["size"])
            values.append([reduce(add, args[0][i * length : (i + 1) * length], 0.0) for i in rows])
        else:
            values.append([OPS[op](*t) for t in zip(*args, strict=True)])
    return [values[output["node"]] for output in program["outputs"]]


def answer(question):
    x = [[float(t) for t in leaf] for leaf in question["x"]]
    seed = [[float(t) for t in leaf] for leaf in question.get("seed", [])]
    for part in (seed[: len(x)], seed[len(x) :]):  # the inner direction first
        if part:
            x = [
                [Dual(a, b) for a, b in zip(*pair, strict=True)]
                for pair in zip(x, part, strict=True)
            ]
    y = run(question["program"], x)
    if question["do"] == "value":
        return {"value": y}
    outer = [[lift(t) for t in leaf] for leaf in y]
    value, tangent = (
        [[getattr(t, n) for t in leaf] for leaf in outer] for n in ("value", "tangent")
    )
    if question["nesting"] == "forward":  # of both, what the inner direction did to them
        value, tangent = ([[lift(t).tangent for t in leaf] for leaf in y] for y in (value, tangent))
    return {"value": value, "answer": tangent}


def main():
    print(json.dumps(HELLO), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if question["do"] == "bye":
            break
        try:
            said = {"dtype": "float64", "device": "cpu"}
            for name, leaves in answer(question).items():
                said[name] = [[t if math.isfinite(t) else str(t) for t in leaf] for leaf in leaves]
        except ArithmeticError as error:
            said = {"error": {"kind": "raised", "message": f"{type(error).__name__}: {error}"}}
        print(json.dumps({"id": question["id"], **said}), flush=True)


if __name__ == "__main__":
    main()
