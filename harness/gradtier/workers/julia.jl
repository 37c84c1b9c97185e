# A worker of gradtier/worker/1 for Julia's AD packages, through DifferentiationInterface.
#
# NOT VERIFIED: written to PROTOCOL.md and to the documentation of the packages, on a machine without
# Julia.  Nobody has run it.  Whoever does, please say what had to be changed.
#
#     julia --project=ENVIRONMENT julia.jl --backend zygote
#
# ENVIRONMENT has JSON, ADTypes, DifferentiationInterface and the package of the backend (Zygote for
# chainrules too); Julia 1.10 or later.  A program becomes one Julia function of a vector, which is
# compiled, and the package differentiates that function.  There is no rule of differentiation here.

using ADTypes, DifferentiationInterface, JSON, LinearAlgebra

const DI = DifferentiationInterface

# backend -> package, and the derivatives that it has itself; none by another package's mode
const BACKENDS = Dict(
    "chainrules" => (:Zygote, ["reverse/none"]),
    "enzyme" => (:Enzyme, ["reverse/none", "forward/none", "reverse/forward", "forward/forward"]),
    "zygote" => (:Zygote, ["reverse/none", "reverse/reverse"]),
    "forwarddiff" => (:ForwardDiff, ["forward/none", "forward/forward"]),
    "reversediff" => (:ReverseDiff, ["reverse/none", "reverse/reverse"]),
    "reversediff-compiled" => (:ReverseDiff, ["reverse/none"]),
    "tracker" => (:Tracker, ["reverse/none"]),
    "mooncake" => (:Mooncake, ["reverse/none", "forward/none", "reverse/forward"]),
    "diffractor" => (:Diffractor, ["forward/none", "forward/forward"]),
)

function argument(name)
    at = findfirst(==(name), ARGS)
    (at === nothing || at == length(ARGS)) && error("expected $name and a word after it")
    return ARGS[at + 1]
end

const BACKEND = argument("--backend")
haskey(BACKENDS, BACKEND) || error("no backend $BACKEND; there are $(join(keys(BACKENDS), ", "))")
const PACKAGE, DERIVATIVES = BACKENDS[BACKEND]

# at the top level, so that what follows sees the package
@eval using $PACKAGE: $PACKAGE

function choice(mode)
    BACKEND == "chainrules" && return AutoChainRules(; ruleconfig=Zygote.ZygoteRuleConfig())
    BACKEND == "enzyme" && mode == "reverse" && return AutoEnzyme(; mode=Enzyme.Reverse)
    BACKEND == "enzyme" && return AutoEnzyme(; mode=Enzyme.Forward)
    BACKEND == "zygote" && return AutoZygote()
    BACKEND == "forwarddiff" && return AutoForwardDiff()
    BACKEND == "reversediff" && return AutoReverseDiff(; compile=false)
    BACKEND == "reversediff-compiled" && return AutoReverseDiff(; compile=true)
    BACKEND == "tracker" && return AutoTracker()
    BACKEND == "mooncake" && mode == "reverse" && return AutoMooncake(; config=nothing)
    BACKEND == "mooncake" && return AutoMooncakeForward(; config=nothing)
    return AutoDiffractor()
end

# ---- operations: a node -> a function of the nodes that it is applied to, all of them vectors.
# A row-major matrix of m rows and n columns is, in Julia's order, reshape(a, n, m): its transpose.

const ELEMENTWISE = Dict{String,Any}(
    "negative" => a -> .-a, "abs" => a -> abs.(a), "sign" => a -> sign.(a),
    "sqrt" => a -> sqrt.(a), "exp" => a -> exp.(a), "expm1" => a -> expm1.(a),
    "log" => a -> log.(a), "log1p" => a -> log1p.(a), "sin" => a -> sin.(a),
    "cos" => a -> cos.(a), "tan" => a -> tan.(a), "asin" => a -> asin.(a),
    "acos" => a -> acos.(a), "atan" => a -> atan.(a), "sinh" => a -> sinh.(a),
    "cosh" => a -> cosh.(a), "tanh" => a -> tanh.(a), "asinh" => a -> asinh.(a),
    "acosh" => a -> acosh.(a), "atanh" => a -> atanh.(a), "floor" => a -> floor.(a),
    "ceil" => a -> ceil.(a), "round" => a -> round.(a), "trunc" => a -> trunc.(a),
    "add" => (a, b) -> a .+ b, "subtract" => (a, b) -> a .- b, "multiply" => (a, b) -> a .* b,
    "divide" => (a, b) -> a ./ b, "pow" => (a, b) -> a .^ b, "atan2" => (a, b) -> atan.(a, b),
    "hypot" => (a, b) -> hypot.(a, b), "maximum" => (a, b) -> max.(a, b),
    "minimum" => (a, b) -> min.(a, b),
)

truth(T) = Dict{String,Any}(
    "less" => (a, b) -> T.(a .< b), "less_equal" => (a, b) -> T.(a .<= b),
    "equal" => (a, b) -> T.(a .== b), "logical_not" => a -> one(T) .- a,
    "logical_and" => (a, b) -> a .* b, "logical_or" => (a, b) -> max.(a, b),
    "where" => (c, a, b) -> ifelse.(c .> 0, a, b),
)

rows(node, a) = reshape(a, node.length, node.length == 0 ? node.size : length(a) ÷ node.length)
square(node, a) = reshape(a, node.rows, node.rows)
flipped(node, a) = reshape(a, node.columns, node.rows)  # the transpose of a rows x columns matrix
upright(node, a) = permutedims(flipped(node, a))

function product(node, a, b)
    m, k, n = node.rows, node.inner, node.columns
    one_product(s) = vec(
        reshape(b[(s * k * n + 1):((s + 1) * k * n)], n, k) *
        reshape(a[(s * m * k + 1):((s + 1) * m * k)], k, m),
    )
    node.batch == 1 && return vec(reshape(b, n, k) * reshape(a, k, m))
    return reduce(vcat, [one_product(s) for s in 0:(node.batch - 1)])
end

solved(node, a, b) = vec(reshape(b, node.columns, node.rows) / square(node, a))
function thin_q(node, a)
    q = Matrix(qr(upright(node, a)).Q)[:, 1:min(node.rows, node.columns)]
    return vec(permutedims(q))
end

# with the node's static part in `node`; reduced rows are columns in Julia's order
const STRUCTURED = Dict{String,Any}(
    "integer_power" => node -> (n = node.exponent; a -> a .^ n),
    "gather" => node -> (index = node.index; a -> a[index]),
    "concat" => node -> ((parts...) -> vcat(parts...)),
    "sum" => node -> (a -> vec(sum(rows(node, a); dims=1))),
    "prod" => node -> (a -> vec(prod(rows(node, a); dims=1))),
    "max" => node -> (a -> vec(maximum(rows(node, a); dims=1))),
    "min" => node -> (a -> vec(minimum(rows(node, a); dims=1))),
    "cumulative_sum" => node -> (a -> vec(cumsum(rows(node, a); dims=1))),
    "cumulative_prod" => node -> (a -> vec(cumprod(rows(node, a); dims=1))),
    "matmul" => node -> ((a, b) -> product(node, a, b)),
    "solve" => node -> ((a, b) -> solved(node, a, b)),
    "inv" => node -> (a -> vec(inv(square(node, a)))),
    "det" => node -> (a -> [det(square(node, a))]),
    "logabsdet" => node -> (a -> [first(logabsdet(square(node, a)))]),
    # the upper factor in Julia's order is the lower one in ours
    "cholesky" => node -> (a -> vec(Matrix(cholesky(Symmetric(square(node, a))).U))),
    "eigvalsh" => node -> (a -> eigvals(Symmetric(square(node, a)))),
    "eigenvectors" =>
        node -> (a -> vec(permutedims(eigen(Symmetric(square(node, a))).vectors))),
    # the SVD is taken of the transpose, so its factors change places
    "svdvals" => node -> (a -> svdvals(flipped(node, a))),
    "svd_u" => node -> (a -> vec(permutedims(svd(flipped(node, a)).V))),
    "svd_vh" => node -> (a -> vec(Matrix(svd(flipped(node, a)).U))),
    "qr_q" => node -> (a -> thin_q(node, a)),
    "qr_r" => node -> (a -> vec(permutedims(qr(upright(node, a)).R))),
    "pinv" => node -> (a -> vec(pinv(flipped(node, a)))),
)

# ---- programs

number(x::Real) = x
number(x::AbstractString) = parse(Float64, x == "nan" ? "NaN" : x == "inf" ? "Inf" : "-Inf")
numbers(T, list) = T[T(number(x)) for x in list]

static(said) = (
    size=Int(said["size"]), length=Int(get(said, "length", 0)), batch=Int(get(said, "batch", 1)),
    rows=Int(get(said, "rows", 0)), inner=Int(get(said, "inner", 0)),
    columns=Int(get(said, "columns", 0)), exponent=Int(get(said, "exponent", 0)),
    index=Int[i + 1 for i in get(said, "index", [])],
)

function operation(T, said)
    op = said["op"]
    haskey(ELEMENTWISE, op) && return ELEMENTWISE[op]
    haskey(truth(T), op) && return truth(T)[op]
    return STRUCTURED[op](static(said))
end

# One function of the inputs side by side, giving the outputs side by side.
function build(program)
    T = program["dtype"] == "float32" ? Float32 : Float64
    x, name, used = gensym("x"), i -> Symbol("v", i), 0
    steps = Any[]
    for (i, said) in enumerate(program["nodes"])
        if said["op"] == "input"
            push!(steps, :($(name(i)) = $x[$(used + 1):$(used + said["size"])]))
            used += said["size"]
        elseif said["op"] == "constant"
            push!(steps, :($(name(i)) = $(numbers(T, said["data"]))))
        else
            args = [name(a + 1) for a in said["args"]]
            push!(steps, :($(name(i)) = $(operation(T, said))($(args...))))
        end
    end
    outputs = [name(o["node"] + 1) for o in program["outputs"]]
    return T, Core.eval(Main, Expr(:->, x, Expr(:block, steps..., :(vcat($(outputs...))))))
end

sizes(program) = (
    [Int(program["nodes"][i]["size"]) for i in eachindex(program["inputs"])],
    [Int(program["nodes"][o["node"] + 1]["size"]) for o in program["outputs"]],
)

# ---- derivatives, all of them the package's

const TAPES = Dict{Any,Any}()

# A compiled tape serves a gradient, and is meant to be used again at other points.
function compiled(key, f, x, w)
    scalar, tape = get!(TAPES, (key, w)) do
        g = z -> dot(w, f(z))
        (g, prepare_gradient(g, choice("reverse"), x))
    end
    return f(x), gradient(scalar, tape, choice("reverse"), x)
end

push_along(f, x, v) = first(pushforward(f, choice("forward"), x, (v,)))
pull_back(f, x, w) = first(pullback(f, choice("reverse"), x, (w,)))

function differentiated(key, f, mode, nesting, x, seed, out)
    if nesting == "none"
        BACKEND == "reversediff-compiled" && return compiled(key, f, x, seed)
        mode == "reverse" && return f(x), pull_back(f, x, seed)
        return f(x), push_along(f, x, seed)
    end
    split = mode == "forward" && nesting == "forward" ? length(x) : out
    one, two = seed[1:split], seed[(split + 1):end]
    if mode == "reverse"
        g = z -> pull_back(f, z, one)
        return g(x), nesting == "forward" ? push_along(g, x, two) : pull_back(g, x, two)
    elseif nesting == "forward"
        g = z -> push_along(f, z, one)
        return g(x), push_along(g, x, two)
    end
    g = z -> push_along(f, z, two)
    return g(x), pull_back(g, x, one)
end

# ---- messages

word(x) = isfinite(x) ? x : isnan(x) ? "nan" : x > 0 ? "inf" : "-inf"

function leaves(values, counts)
    values === nothing && return fill(nothing, length(counts))
    ends = cumsum(counts)
    return [[word(x) for x in values[(e - n + 1):e]] for (e, n) in zip(ends, counts)]
end

const FUNCTIONS = Dict{UInt,Any}()  # compiling takes longer than anything else

function answer(question)
    program = question["program"]
    key = hash(program)
    T, f = get!(() -> build(program), FUNCTIONS, key)
    into, out = sizes(program)
    x = reduce(vcat, [numbers(T, leaf) for leaf in question["x"]]; init=T[])
    tail = Dict{String,Any}("id" => question["id"], "device" => "cpu")
    if question["do"] == "value"
        y = Base.invokelatest(f, x)
        return merge(tail, Dict("value" => leaves(y, out), "dtype" => lowercase(string(eltype(y)))))
    end
    mode, nesting = question["mode"], question["nesting"]
    seed = reduce(vcat, [numbers(T, leaf) for leaf in question["seed"]]; init=T[])
    value, found = Base.invokelatest(differentiated, key, f, mode, nesting, x, seed, sum(out))
    nested = nesting != "none"
    like_x = mode == "reverse" || nesting == "reverse"
    said = Dict{String,Any}(
        "value" => leaves(value, nested && mode == "reverse" ? into : out),
        "answer" => leaves(found, like_x ? into : out),
        "dtype" => lowercase(string(found === nothing ? T : eltype(found))),
    )
    return merge(tail, said)
end

const DECLINES = ("EnzymeNoDerivativeError", "MissingRuleToForeignCallException")

function described(error)
    kind = string(nameof(typeof(error))) in DECLINES ? "unsupported" : "raised"
    return Dict("kind" => kind, "message" => first(sprint(showerror, error), 2000))
end

function hello()
    package = getfield(Main, PACKAGE)
    versions = Dict(
        "julia" => string(VERSION), string(PACKAGE) => string(pkgversion(package)),
        "DifferentiationInterface" => string(pkgversion(DI)),
    )
    ops = [keys(ELEMENTWISE)..., keys(truth(Float64))..., keys(STRUCTURED)...]
    return Dict(
        "protocol" => "gradtier/worker/1", "name" => "Julia, $BACKEND", "versions" => versions,
        "derivatives" => DERIVATIVES, "dtypes" => ["float64", "float32"], "devices" => ["cpu"],
        "ops" => ops, "settings" => Dict("threads" => string(Threads.nthreads())),
    )
end

function say(message)
    println(JSON.json(message))
    return flush(stdout)
end

function main()
    say(hello())
    for line in eachline(stdin)
        question = JSON.parse(line)
        question["do"] == "bye" && break
        message = try
            answer(question)
        catch error
            Dict("id" => question["id"], "error" => described(error))
        end
        say(message)
    end
end

main()
