// A worker of gradtier/worker/1 for CppAD: programs are run on CppAD's scalars, which record them.
//
// Every derivative is CppAD's own: Forward and Reverse of an ADFun, and for second order an ADFun
// over AD<AD<Base>> whose sweep is recorded by a second tape.  What CppAD has no function for is
// not offered: of linear algebra it has LuSolve.  Maximum, minimum and where are its conditional
// expressions, as its documentation recommends.
#include <cppad/cppad.hpp>

#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "program.hpp"

using CppAD::AD;
using CppAD::ADFun;

template <class T>
using Vector = std::vector<T>;

template <class T>
using Unary = T (*)(const T&);

template <class T>
using Binary = T (*)(const T&, const T&);

template <class T>
const std::map<std::string, Unary<T>>& unary() {
    static const std::map<std::string, Unary<T>> table = {
        {"negative", [](const T& x) { return T(-x); }},
        {"abs", [](const T& x) { return T(CppAD::abs(x)); }},
        {"sign", [](const T& x) { return T(CppAD::sign(x)); }},
        {"exp", [](const T& x) { return T(CppAD::exp(x)); }},
        {"expm1", [](const T& x) { return T(CppAD::expm1(x)); }},
        {"log", [](const T& x) { return T(CppAD::log(x)); }},
        {"log1p", [](const T& x) { return T(CppAD::log1p(x)); }},
        {"sqrt", [](const T& x) { return T(CppAD::sqrt(x)); }},
        {"sin", [](const T& x) { return T(CppAD::sin(x)); }},
        {"cos", [](const T& x) { return T(CppAD::cos(x)); }},
        {"tan", [](const T& x) { return T(CppAD::tan(x)); }},
        {"asin", [](const T& x) { return T(CppAD::asin(x)); }},
        {"acos", [](const T& x) { return T(CppAD::acos(x)); }},
        {"atan", [](const T& x) { return T(CppAD::atan(x)); }},
        {"sinh", [](const T& x) { return T(CppAD::sinh(x)); }},
        {"cosh", [](const T& x) { return T(CppAD::cosh(x)); }},
        {"tanh", [](const T& x) { return T(CppAD::tanh(x)); }},
        {"asinh", [](const T& x) { return T(CppAD::asinh(x)); }},
        {"acosh", [](const T& x) { return T(CppAD::acosh(x)); }},
        {"atanh", [](const T& x) { return T(CppAD::atanh(x)); }},
        {"logical_not", [](const T& x) { return T(T(1) - x); }},
    };
    return table;
}

template <class T>
const std::map<std::string, Binary<T>>& binary() {
    static const std::map<std::string, Binary<T>> table = {
        {"add", [](const T& x, const T& y) { return T(x + y); }},
        {"subtract", [](const T& x, const T& y) { return T(x - y); }},
        {"multiply", [](const T& x, const T& y) { return T(x * y); }},
        {"divide", [](const T& x, const T& y) { return T(x / y); }},
        {"pow", [](const T& x, const T& y) { return T(CppAD::pow(x, y)); }},
        {"atan2", [](const T& x, const T& y) { return T(CppAD::atan2(x, y)); }},
        {"maximum", [](const T& x, const T& y) { return T(CppAD::CondExpGt(x, y, x, y)); }},
        {"minimum", [](const T& x, const T& y) { return T(CppAD::CondExpLt(x, y, x, y)); }},
        {"less", [](const T& x, const T& y) { return T(CppAD::CondExpLt(x, y, T(1), T(0))); }},
        {"less_equal",
         [](const T& x, const T& y) { return T(CppAD::CondExpLe(x, y, T(1), T(0))); }},
        {"equal", [](const T& x, const T& y) { return T(CppAD::CondExpEq(x, y, T(1), T(0))); }},
        {"logical_and", [](const T& x, const T& y) { return T(x * y); }},
    };
    return table;
}

template <class T>
Vector<T> product(const Node& node, const Vector<T>& a, const Vector<T>& b) {
    Vector<T> out;
    out.reserve(node.size);
    for (size_t s = 0; s < node.batch; ++s)
        for (size_t i = 0; i < node.rows; ++i)
            for (size_t j = 0; j < node.columns; ++j) {
                T total(0);
                for (size_t k = 0; k < node.inner; ++k)
                    total += a[(s * node.rows + i) * node.inner + k] *
                             b[(s * node.inner + k) * node.columns + j];
                out.push_back(total);
            }
    return out;
}

// The library's own LU solver, over its scalars; its choice of pivots is made while it records.
template <class T>
Vector<T> solved(const Node& node, const Vector<T>& a, const Vector<T>& b, T& logdet, int& sign) {
    const size_t n = node.rows, m = n ? b.size() / n : 0;
    Vector<T> x(n * m);
    sign = CppAD::LuSolve(n, m, a, b, x, logdet);
    if (sign == 0 && m) throw std::runtime_error("LuSolve: the matrix is singular");
    return x;
}

template <class T>
Vector<T> matrix(const Node& node, const Vector<const Vector<T>*>& args) {
    T logdet(0);
    int sign = 0;
    const Vector<T>& a = *args.at(0);
    if (node.op == "solve") return solved(node, a, *args.at(1), logdet, sign);
    if (node.op == "inv") {
        Vector<T> identity(node.size, T(0));
        for (size_t i = 0; i < node.rows; ++i) identity[i * node.rows + i] = T(1);
        return solved(node, a, identity, logdet, sign);
    }
    solved(node, a, Vector<T>(), logdet, sign);
    if (node.op == "logabsdet") return {logdet};
    return {T(T(sign) * CppAD::exp(logdet))};
}

template <class T>
Vector<T> compute(const Node& node, const Vector<const Vector<T>*>& args) {
    Vector<T> out;
    out.reserve(node.size);
    auto one = unary<T>().find(node.op);
    auto two = binary<T>().find(node.op);
    if (node.op == "constant")
        for (double value : node.data) out.push_back(T(value));
    else if (one != unary<T>().end())
        for (const T& x : *args.at(0)) out.push_back(one->second(x));
    else if (two != binary<T>().end())
        for (size_t i = 0; i < node.size; ++i)
            out.push_back(two->second((*args.at(0)).at(i), (*args.at(1)).at(i)));
    else if (node.op == "integer_power")
        for (const T& x : *args.at(0)) out.push_back(CppAD::pow(x, node.exponent));
    else if (node.op == "where")
        for (size_t i = 0; i < node.size; ++i)
            out.push_back(CppAD::CondExpGt((*args.at(0)).at(i), T(0), (*args.at(1)).at(i),
                                           (*args.at(2)).at(i)));
    else if (node.op == "gather")
        for (size_t i : node.index) out.push_back(args.at(0)->at(i));
    else if (node.op == "concat")
        for (const auto* part : args) out.insert(out.end(), part->begin(), part->end());
    else if (node.op == "sum")
        for (size_t i = 0; i < node.size; ++i) {
            T total(0);
            for (size_t j = 0; j < node.length; ++j) total += args.at(0)->at(i * node.length + j);
            out.push_back(total);
        }
    else if (node.op == "matmul")
        out = product(node, *args.at(0), *args.at(1));
    else if (node.op == "solve" || node.op == "inv" || node.op == "det" || node.op == "logabsdet")
        out = matrix(node, args);
    else
        throw std::invalid_argument(node.op);
    return out;
}

// The outputs side by side, from the inputs side by side.
template <class T>
Vector<T> run(const Program& program, const Vector<T>& x) {
    Vector<Vector<T>> values;
    Vector<T> out;
    size_t used = 0;
    for (const Node& node : program.nodes) {
        if (values.size() < program.inputs) {
            values.emplace_back(x.begin() + used, x.begin() + used + node.size);
            used += node.size;
            continue;
        }
        Vector<const Vector<T>*> args;
        for (size_t a : node.args) args.push_back(&values[a]);
        values.push_back(compute(node, args));
    }
    for (size_t i : program.outputs) out.insert(out.end(), values[i].begin(), values[i].end());
    return out;
}

// CppAD records functions of at least one variable with at least one result: one of each is added.
template <class T>
ADFun<typename std::remove_cv<T>::type> record(const Program& program, const Vector<T>& x) {
    Vector<AD<T>> ax(x.begin(), x.end());
    ax.push_back(AD<T>(T(0)));
    CppAD::Independent(ax);
    Vector<AD<T>> ay = run(program, Vector<AD<T>>(ax.begin(), ax.end() - 1));
    ay.push_back(ax.back());
    ADFun<T> f(ax, ay);
    f.check_for_nan(false);
    return f;
}

template <class T>
Vector<T> padded(Vector<T> values) {
    values.push_back(T(0));
    return values;
}

template <class T>
Vector<T> trimmed(Vector<T> values) {
    values.pop_back();
    return values;
}

template <class T>
struct Result {
    Vector<T> value, answer;
};

template <class Base>
Result<Base> first(const Program& program, bool reverse, const Vector<Base>& x,
                   const Vector<Base>& seed) {
    ADFun<Base> f = record(program, x);
    Result<Base> result;
    result.value = trimmed(f.Forward(0, padded(x)));
    result.answer =
        trimmed(reverse ? f.Reverse(1, padded(seed)) : f.Forward(1, padded(seed)));
    return result;
}

// The inner sweep, over AD<Base>, is itself recorded; the outer sweep is that of the outer tape.
template <class Base>
Result<Base> second(const Program& program, bool reverse, bool outer_reverse,
                    const Vector<Base>& x, const Vector<Base>& inner, const Vector<Base>& outer) {
    using Active = AD<Base>;
    ADFun<Active> f = record(program, Vector<Active>(x.begin(), x.end()));
    Vector<Active> ax(x.begin(), x.end()), seed(inner.begin(), inner.end());
    ax.push_back(Active(0));
    CppAD::Independent(ax);
    f.Forward(0, ax);
    Vector<Active> found = reverse ? f.Reverse(1, padded(seed)) : f.Forward(1, padded(seed));
    ADFun<Base> g(ax, found);
    g.check_for_nan(false);
    Result<Base> result;
    result.value = trimmed(g.Forward(0, padded(x)));
    result.answer =
        trimmed(outer_reverse ? g.Reverse(1, padded(outer)) : g.Forward(1, padded(outer)));
    return result;
}

template <class Base>
Vector<Base> joined(const json::Value& leaves, size_t from, size_t to) {
    Vector<Base> out;
    for (size_t i = from; i < to; ++i)
        for (const auto& item : leaves.items.at(i).items)
            out.push_back(static_cast<Base>(json::as_number(item)));
    return out;
}

template <class Base>
std::string leaves(const Vector<Base>& values, const Vector<size_t>& sizes) {
    std::string out = "[";
    size_t used = 0;
    for (size_t size : sizes) {
        if (out.size() > 1) out += ',';
        out += json::numbers(Vector<Base>(values.begin() + used, values.begin() + used + size));
        used += size;
    }
    return out + "]";
}

template <class Base>
std::string answer(const json::Value& asked, const Program& program) {
    Vector<size_t> in, out;
    for (size_t i = 0; i < program.inputs; ++i) in.push_back(program.nodes[i].size);
    for (size_t i : program.outputs) out.push_back(program.nodes[i].size);
    Vector<Base> x = joined<Base>(asked["x"], 0, in.size());
    std::string tail = ",\"device\":\"cpu\",\"dtype\":" + json::quoted(program.dtype) + "}";
    if (asked["do"].text == "value") {
        // not AD: the same functions on plain numbers are reached through a tape of constants
        Vector<AD<Base>> y = run(program, Vector<AD<Base>>(x.begin(), x.end()));
        Vector<Base> value;
        for (const auto& item : y) value.push_back(CppAD::Value(item));
        return ",\"value\":" + leaves(value, out) + tail;
    }
    const json::Value& seed = asked["seed"];
    const size_t count = seed.items.size();
    const bool reverse = asked["mode"].text == "reverse";
    const std::string nesting = asked["nesting"].text;
    Result<Base> result;
    if (nesting == "none") {
        result = first(program, reverse, x, joined<Base>(seed, 0, count));
        return ",\"value\":" + leaves(result.value, out) +
               ",\"answer\":" + leaves(result.answer, reverse ? in : out) + tail;
    }
    const bool outer_reverse = nesting == "reverse";
    // cotangents of the outputs and a direction, in the order of the protocol's table
    const size_t split = reverse || outer_reverse ? out.size() : in.size();
    Vector<Base> one = joined<Base>(seed, 0, split), two = joined<Base>(seed, split, count);
    const bool swapped = !reverse && outer_reverse;  // (w, v): v is the inner one
    result = second(program, reverse, outer_reverse, x, swapped ? two : one, swapped ? one : two);
    const bool like_x = reverse || outer_reverse;
    return ",\"value\":" + leaves(result.value, reverse ? in : out) +
           ",\"answer\":" + leaves(result.answer, like_x ? in : out) + tail;
}

std::string hello() {
    std::string ops;
    for (const auto& item : unary<AD<double>>()) ops += json::quoted(item.first) + ",";
    for (const auto& item : binary<AD<double>>()) ops += json::quoted(item.first) + ",";
    return "{\"protocol\":\"gradtier/worker/1\",\"name\":\"CppAD\",\"versions\":{\"CppAD\":" +
           json::quoted(std::string(CPPAD_PACKAGE_STRING).substr(6)) +
           "},\"derivatives\":[\"reverse/none\",\"reverse/forward\",\"reverse/reverse\","
           "\"forward/none\",\"forward/forward\",\"forward/reverse\"],"
           "\"dtypes\":[\"float64\",\"float32\"],\"devices\":[\"cpu\"],\"ops\":[" +
           ops + "\"integer_power\",\"where\",\"gather\",\"concat\",\"sum\",\"matmul\","
                 "\"solve\",\"inv\",\"det\",\"logabsdet\"]}";
}

// CppAD reports misuse to a handler and would then end the process.
void fault(bool, int line, const char* file, const char*, const char* message) {
    throw std::runtime_error(std::string(message) + " (" + file + ":" + std::to_string(line) + ")");
}

std::string serve(const json::Value& asked) {
    try {
        Program program = read_program(asked["program"]);
        if (program.dtype == "float32") return answer<float>(asked, program);
        return answer<double>(asked, program);
    } catch (const std::invalid_argument& error) {
        return ",\"error\":{\"kind\":\"unsupported\",\"message\":" +
               json::quoted(std::string("no operation ") + error.what()) + "}}";
    } catch (const std::exception& error) {
        CppAD::AD<double>::abort_recording();
        CppAD::AD<AD<double>>::abort_recording();
        CppAD::AD<float>::abort_recording();
        CppAD::AD<AD<float>>::abort_recording();
        return ",\"error\":{\"kind\":\"raised\",\"message\":" + json::quoted(error.what()) + "}}";
    }
}

int main() {
    CppAD::ErrorHandler handler(fault);
    std::ios::sync_with_stdio(false);
    std::cout << hello() << std::endl;
    std::string line;
    while (std::getline(std::cin, line)) {
        json::Value asked = json::Reader(line).read();
        if (asked["do"].text == "bye") return 0;
        std::cout << "{\"id\":" << static_cast<long>(json::as_number(asked["id"])) << serve(asked)
                  << std::endl;
    }
    return 0;
}
