// A reader and writer of the JSON that workers and gradtier exchange; nothing beyond it.
#ifndef GRADTIER_JSON_HPP
#define GRADTIER_JSON_HPP

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace json {

struct Value {
    enum Kind { null, boolean, number, string, array, object } kind = null;
    double real = 0.0;
    std::string text;
    std::vector<Value> items;
    std::map<std::string, Value> fields;

    bool has(const std::string& name) const { return fields.count(name) != 0; }

    const Value& operator[](const std::string& name) const {
        auto found = fields.find(name);
        if (found == fields.end()) throw std::runtime_error("the message has no field " + name);
        return found->second;
    }
};

// A number, or one of the words for those that JSON has not.
inline double as_number(const Value& value) {
    if (value.kind == Value::number || value.kind == Value::boolean) return value.real;
    if (value.text == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (value.text == "inf") return std::numeric_limits<double>::infinity();
    if (value.text == "-inf") return -std::numeric_limits<double>::infinity();
    throw std::runtime_error("not a number: '" + value.text + "'");
}

class Reader {
public:
    explicit Reader(const std::string& text) : at_(text.c_str()) {}

    Value read() {
        Value value = any();
        space();
        if (*at_) throw std::runtime_error("text after the end of a JSON value");
        return value;
    }

private:
    const char* at_;  // the text ends with a zero, which is no part of JSON

    void space() {
        while (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n') ++at_;
    }

    void expect(char c) {
        space();
        if (*at_ != c) throw std::runtime_error(std::string("expected '") + c + "' in JSON");
        ++at_;
    }

    bool next_is(char c) {
        space();
        if (*at_ != c) return false;
        ++at_;
        return true;
    }

    Value any() {
        space();
        switch (*at_) {
            case '{': return object();
            case '[': return array();
            case '"': {
                Value value;
                value.kind = Value::string;
                value.text = string();
                return value;
            }
            case 't': return word("true", Value::boolean, 1.0);
            case 'f': return word("false", Value::boolean, 0.0);
            case 'n': return word("null", Value::null, 0.0);
            default: return number();
        }
    }

    Value word(const char* text, Value::Kind kind, double real) {
        for (const char* c = text; *c; ++c, ++at_)
            if (*at_ != *c) throw std::runtime_error("an unknown word in JSON");
        Value value;
        value.kind = kind;
        value.real = real;
        return value;
    }

    Value number() {
        char* end = nullptr;
        Value value;
        value.kind = Value::number;
        value.real = std::strtod(at_, &end);
        if (end == at_) throw std::runtime_error("expected a value in JSON");
        at_ = end;
        return value;
    }

    Value array() {
        Value value;
        value.kind = Value::array;
        expect('[');
        if (next_is(']')) return value;
        do value.items.push_back(any());
        while (next_is(','));
        expect(']');
        return value;
    }

    Value object() {
        Value value;
        value.kind = Value::object;
        expect('{');
        if (next_is('}')) return value;
        do {
            space();
            std::string name = string();
            expect(':');
            value.fields.emplace(std::move(name), any());
        } while (next_is(','));
        expect('}');
        return value;
    }

    std::string string() {
        std::string text;
        expect('"');
        while (*at_ && *at_ != '"') {
            if (*at_ != '\\') {
                text += *at_++;
                continue;
            }
            ++at_;
            static const std::map<char, char> known = {
                {'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'n', '\n'}, {'t', '\t'}, {'r', '\r'}};
            auto found = known.find(*at_);
            // no field that a worker reads holds other characters
            if (found == known.end()) throw std::runtime_error("an escape that is not read");
            text += found->second;
            ++at_;
        }
        expect('"');
        return text;
    }
};

inline std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (unsigned char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c < 0x20 ? ' ' : static_cast<char>(c);
    }
    return out + "\"";
}

// Enough digits that the same number is read back.
template <class Real>
std::string numbers(const std::vector<Real>& values) {
    std::string out = "[";
    char digits[40];
    for (Real value : values) {
        if (out.size() > 1) out += ',';
        if (std::isnan(value)) out += "\"nan\"";
        else if (std::isinf(value)) out += value > 0 ? "\"inf\"" : "\"-inf\"";
        else {
            std::snprintf(digits, sizeof digits, "%.*g",
                          std::numeric_limits<Real>::max_digits10, static_cast<double>(value));
            out += digits;
        }
    }
    return out + "]";
}

}  // namespace json

#endif
