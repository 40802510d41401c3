/* The module: which classes and objects of treering's the loops know, and what the functions are. */

#include "native.h"

#include <structmember.h>

PyTypeObject *Leaf, *Inner, *Index, *Batch, *Cache, *Pointer;
PyObject *nothing_fresh, *crc32, *page_kind, *no_bytes;
PyObject *name_replace, *name_with_count, *name_cache, *name_encode;

struct leaf_slots leaf_at;
struct inner_slots inner_at;
struct batch_slots batch_at;
struct cache_slots cache_at;

PyObject *
strange(const char *what)
{
    PyErr_Format(PyExc_TypeError, "%s is not what it should be", what);
    return NULL;
}

static int
find_slot(PyTypeObject *type, const char *name, Py_ssize_t *at)
{
    PyObject *slot = PyObject_GetAttrString((PyObject *)type, name);
    if (slot == NULL)
        return -1;
    int is_slot = Py_TYPE(slot) == &PyMemberDescr_Type && ((PyMemberDescrObject *)slot)->d_member->type == T_OBJECT_EX;
    if (is_slot)
        *at = ((PyMemberDescrObject *)slot)->d_member->offset;
    else
        PyErr_Format(PyExc_TypeError, "%s.%s is not a slot", type->tp_name, name);
    Py_DECREF(slot);
    return is_slot ? 0 : -1;
}

static PyObject *
know_pages(PyObject *module, PyObject *args)
{
    PyTypeObject *leaf, *inner, *index;
    PyObject *nothing;
    if (!PyArg_ParseTuple(args, "O!O!O!O", &PyType_Type, &leaf, &PyType_Type, &inner, &PyType_Type, &index, &nothing))
        return NULL;
    if (find_slot(leaf, "keys", &leaf_at.keys) || find_slot(leaf, "values", &leaf_at.values) ||
        find_slot(leaf, "ordinals", &leaf_at.ordinals) || find_slot(leaf, "packed_keys", &leaf_at.packed_keys) ||
        find_slot(leaf, "packed_ordinals", &leaf_at.packed_ordinals) ||
        find_slot(leaf, "packed_sizes", &leaf_at.packed_sizes) || find_slot(inner, "content", &inner_at.content) ||
        find_slot(inner, "fresh", &inner_at.fresh) || find_slot(inner, "index", &inner_at.index) ||
        find_slot(inner, "keys", &inner_at.keys) || find_slot(inner, "locations", &inner_at.locations))
        return NULL;
    if (!PyType_IsSubtype(index, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "an index is a tuple");
        return NULL;
    }
    Leaf = (PyTypeObject *)Py_NewRef(leaf);
    Inner = (PyTypeObject *)Py_NewRef(inner);
    Index = (PyTypeObject *)Py_NewRef(index);
    nothing_fresh = Py_NewRef(nothing);
    Py_RETURN_NONE;
}

static PyObject *
know_batch(PyObject *module, PyObject *args)
{
    PyTypeObject *batch, *cache, *pointer;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyType_Type, &batch, &PyType_Type, &cache, &PyType_Type, &pointer))
        return NULL;
    if (find_slot(batch, "_cache", &batch_at.cache) || find_slot(batch, "_codec", &batch_at.codec) ||
        find_slot(batch, "_counter", &batch_at.counter) || find_slot(batch, "_prefix", &batch_at.prefix) ||
        find_slot(batch, "entries", &batch_at.entries) || find_slot(cache, "young", &cache_at.young) ||
        find_slot(cache, "_bytes", &cache_at.bytes))
        return NULL;
    if (!PyType_IsSubtype(pointer, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "a pointer is a tuple");
        return NULL;
    }
    Batch = (PyTypeObject *)Py_NewRef(batch);
    Cache = (PyTypeObject *)Py_NewRef(cache);
    Pointer = (PyTypeObject *)Py_NewRef(pointer);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"know_hash", know_hash, METH_VARARGS, NULL},
    {"know_pages", know_pages, METH_VARARGS, NULL},
    {"know_batch", know_batch, METH_VARARGS, NULL},
    {"descend", (PyCFunction)(void (*)(void))descend, METH_FASTCALL, NULL},
    {"with_count", (PyCFunction)(void (*)(void))with_count, METH_FASTCALL, NULL},
    {"put", (PyCFunction)(void (*)(void))put, METH_FASTCALL, NULL},
    {"put_path", (PyCFunction)(void (*)(void))put_path, METH_FASTCALL, NULL},
    {"with_value", (PyCFunction)(void (*)(void))with_value, METH_FASTCALL, NULL},
    {"pack_keys", (PyCFunction)(void (*)(void))pack_keys, METH_FASTCALL, NULL},
    {"cuts", (PyCFunction)(void (*)(void))cuts, METH_FASTCALL, NULL},
    {"encode_leaves", (PyCFunction)(void (*)(void))encode_leaves, METH_FASTCALL, NULL},
    {"unseal", (PyCFunction)(void (*)(void))unseal, METH_FASTCALL, NULL},
    {"decode_page", (PyCFunction)(void (*)(void))decode_page, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static int
prepare(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "the loops in C know the classes of one interpreter only");
        return -1;
    }
    PyObject *zlib = PyImport_ImportModule("zlib");
    crc32 = zlib == NULL ? NULL : PyObject_GetAttrString(zlib, "crc32");
    Py_XDECREF(zlib);
    if (crc32 == NULL)
        return -1;
    page_kind = PyBytes_FromString("P");
    no_bytes = PyBytes_FromString("");
    name_replace = PyUnicode_InternFromString("replace");
    name_encode = PyUnicode_InternFromString("encode");
    name_cache = PyUnicode_InternFromString("cache");
    name_with_count = PyUnicode_InternFromString("with_count");
    if (PyModule_AddIntConstant(module, "VERSION", VERSION) < 0)
        return -1;
    return page_kind == NULL || no_bytes == NULL || name_replace == NULL || name_with_count == NULL ||
                   name_cache == NULL || name_encode == NULL
               ? -1
               : 0;
}

static PyModuleDef_Slot steps[] = {{Py_mod_exec, prepare}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "treering.objects._native", NULL, 0, functions, steps,
                                        NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
