// A program of gradtier/worker/1 read from JSON; see PROTOCOL.md.
#ifndef GRADTIER_PROGRAM_HPP
#define GRADTIER_PROGRAM_HPP

#include <stdexcept>
#include <string>
#include <vector>

#include "json.hpp"

struct Node {
    std::string op;
    size_t size = 0;
    std::vector<size_t> args;
    std::vector<double> data;   // of a constant
    std::vector<size_t> index;  // of a gather
    size_t batch = 1, rows = 0, inner = 0, columns = 0, length = 0;
    int exponent = 0;
};

struct Program {
    size_t inputs = 0;  // the first nodes
    std::vector<Node> nodes;
    std::vector<size_t> outputs;
    std::string dtype;
};

inline std::vector<double> reals(const json::Value& list) {
    std::vector<double> found;
    found.reserve(list.items.size());
    for (const auto& item : list.items) found.push_back(json::as_number(item));
    return found;
}

inline std::vector<size_t> places(const json::Value& list) {
    std::vector<size_t> found;
    found.reserve(list.items.size());
    for (const auto& item : list.items) found.push_back(static_cast<size_t>(json::as_number(item)));
    return found;
}

inline size_t whole(const json::Value& object, const char* name) {
    return object.has(name) ? static_cast<size_t>(json::as_number(object[name])) : 0;
}

inline Node read_node(const json::Value& said) {
    Node node;
    node.op = said["op"].text;
    node.size = whole(said, "size");
    if (said.has("args")) node.args = places(said["args"]);
    if (said.has("data")) node.data = reals(said["data"]);
    if (said.has("index")) node.index = places(said["index"]);
    node.batch = said.has("batch") ? whole(said, "batch") : 1;
    node.rows = whole(said, "rows");
    node.inner = whole(said, "inner");
    node.columns = whole(said, "columns");
    node.length = whole(said, "length");
    if (said.has("exponent")) node.exponent = static_cast<int>(json::as_number(said["exponent"]));
    return node;
}

inline Program read_program(const json::Value& said) {
    Program program;
    program.dtype = said["dtype"].text;
    program.inputs = said["inputs"].items.size();
    for (const auto& node : said["nodes"].items) program.nodes.push_back(read_node(node));
    for (const auto& output : said["outputs"].items)
        program.outputs.push_back(static_cast<size_t>(json::as_number(output["node"])));
    for (size_t i = 0; i < program.nodes.size(); ++i)
        for (size_t a : program.nodes[i].args)
            if (a >= i) throw std::runtime_error("a node stands before its argument");
    return program;
}

#endif
