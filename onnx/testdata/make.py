"""Writes the models of this folder. Needs Python's onnx 1.12 and numpy."""
import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh


def value(name, dims, elem=T.FLOAT):
    return h.make_tensor_value_info(name, elem, dims)


def save(name, graph, ir, opsets, props=None, **kw):
    m = h.make_model(graph, producer_name="testdata", opset_imports=[h.make_opsetid(d, v) for d, v in opsets], **kw)
    m.ir_version = ir
    if props:
        h.set_model_props(m, props)
    onnx.save(m, name + ".onnx")
    onnx.checker.check_model(name + ".onnx")


def types():
    """Every element type that is read, in raw_data and in typed fields."""
    tensors = []
    for elem, code in [(T.FLOAT, "f4"), (T.DOUBLE, "f8"), (T.INT64, "i8"), (T.INT32, "i4"), (T.UINT8, "u1"), (T.BOOL, "?"), (T.FLOAT16, "f2")]:
        v = np.array([1, 0, 2]).astype(code)
        kind = T.DataType.Name(elem)
        tensors.append(nh.from_array(v, "raw_" + kind))
        tensors.append(h.make_tensor("typed_" + kind, elem, [3], v.tolist()))
    tensors.append(T(name="raw_BFLOAT16", data_type=T.BFLOAT16, dims=[3], raw_data=bytes([0x80, 0x3F, 0, 0, 0, 0x40])))
    tensors.append(T(name="typed_BFLOAT16", data_type=T.BFLOAT16, dims=[3], int32_data=[0x3F80, 0, 0x4000]))
    for t in tensors:
        t.doc_string = "doc of " + t.name
    add = h.make_node("Add", ["x", "raw_FLOAT"], ["y"], name="add")
    g = h.make_graph([add], "types", [value("x", ["N", 3])], [value("y", ["N", 3])], tensors, doc_string="doc of the graph")
    save("types", g, 8, [("", 17)], {"b": "2", "a": "1"}, doc_string="doc of the model")


def legacy():
    """IR version 3: initialisers are listed as inputs."""
    fc = h.make_node("Gemm", ["x", "w", "b"], ["y"], name="fc", transB=1)
    inputs = [value("x", ["N", 2]), value("w", [3, 2]), value("b", [3])]
    w = np.arange(6, dtype="f4").reshape(3, 2)
    save("legacy", h.make_graph([fc], "legacy", inputs, [value("y", ["N", 3])], [nh.from_array(w, "w"), nh.from_array(np.ones(3, "f4"), "b")]), 3, [("", 9)])


def external():
    """Weights in a file beside the model, the second at an offset."""
    np.concatenate([np.arange(6), [10, 20, 30]]).astype("f4").tofile("external.bin")
    tensors = []
    for name, dims, offset, length in [("w", [2, 3], 0, 24), ("b", [3], 24, 12)]:
        t = T(name=name, data_type=T.FLOAT, dims=dims, data_location=T.EXTERNAL)
        for key, v in [("location", "external.bin"), ("offset", offset), ("length", length)]:
            t.external_data.add(key=key, value=str(v))
        tensors.append(t)
    nodes = [h.make_node("MatMul", ["x", "w"], ["xw"], name="mul"), h.make_node("Add", ["xw", "b"], ["y"], name="add")]
    save("external", h.make_graph(nodes, "external", [value("x", ["N", 2])], [value("y", ["N", 3])], tensors), 8, [("", 13)])


def branches():
    """An If whose branches read a tensor from around them."""
    def branch(op):
        return h.make_graph([h.make_node(op, ["x"], [op + "_z"], name=op)], op, [], [value(op + "_z", ["N", 2])])
    node = h.make_node("If", ["c"], ["y"], name="if", then_branch=branch("Relu"), else_branch=branch("Neg"))
    save("branches", h.make_graph([node], "branches", [value("c", [], T.BOOL), value("x", ["N", 2])], [value("y", ["N", 2])]), 8, [("", 16)])


def functions():
    """A local function with an attribute and a tensor inside, called twice."""
    leaky = h.make_node("LeakyRelu", ["t"], ["o"], name="leaky")
    leaky.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    body = [h.make_node("Mul", ["a", "s"], ["t"], name="scale"), leaky]
    f = h.make_function("local", "ScaledLeaky", ["a", "s"], ["o"], body, [h.make_opsetid("", 16)], ["slope"])
    calls = [h.make_node("ScaledLeaky", [a, "s"], [y], name="call_" + y, domain="local", slope=s) for a, y, s in [("x", "u", 0.5), ("u", "y", 0.25)]]
    g = h.make_graph(calls, "functions", [value("x", ["N", 2])], [value("y", ["N", 2])], [nh.from_array(np.float32([2, 3]), "s")])
    save("functions", g, 8, [("", 16), ("local", 1)], functions=[f])


for make in (types, legacy, external, branches, functions):
    make()
