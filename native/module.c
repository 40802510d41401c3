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

typedef struct {
    const char *name;
    Py_ssize_t *at;
} Slot;

static const Slot leaf_names[] = {{"keys", &leaf_at.keys},
                                  {"values", &leaf_at.values},
                                  {"ordinals", &leaf_at.ordinals},
                                  {"packed_keys", &leaf_at.packed_keys},
                                  {"packed_ordinals", &leaf_at.packed_ordinals},
                                  {"packed_sizes", &leaf_at.packed_sizes},
                                  {NULL, NULL}};
static const Slot inner_names[] = {{"content", &inner_at.content},     {"fresh", &inner_at.fresh},
                                   {"index", &inner_at.index},         {"keys", &inner_at.keys},
                                   {"locations", &inner_at.locations}, {NULL, NULL}};
static const Slot batch_names[] = {{"_cache", &batch_at.cache},     {"_codec", &batch_at.codec},
                                   {"_counter", &batch_at.counter}, {"_prefix", &batch_at.prefix},
                                   {"entries", &batch_at.entries},  {NULL, NULL}};
static const Slot cache_names[] = {{"young", &cache_at.young}, {"_bytes", &cache_at.bytes}, {NULL, NULL}};

/* Find out where a class has its slots. -1: it has not all of them; an error was raised. */
static int
find_slots(PyTypeObject *type, const Slot *slots)
{
    for (; slots->name != NULL; slots++) {
        PyObject *slot = PyObject_GetAttrString((PyObject *)type, slots->name);
        if (slot == NULL)
            return -1;
        PyMemberDef *member = Py_TYPE(slot) == &PyMemberDescr_Type ? ((PyMemberDescrObject *)slot)->d_member : NULL;
        int is_slot = member != NULL && member->type == T_OBJECT_EX;
        if (is_slot)
            *slots->at = member->offset;
        else
            PyErr_Format(PyExc_TypeError, "%s.%s is not a slot", type->tp_name, slots->name);
        Py_DECREF(slot);
        if (!is_slot)
            return -1;
    }
    return 0;
}

static int
check_tuple(PyTypeObject *type)
{
    if (PyType_IsSubtype(type, &PyTuple_Type))
        return 0;
    PyErr_Format(PyExc_TypeError, "%s is no tuple", type->tp_name);
    return -1;
}

static PyObject *
know_pages(PyObject *module, PyObject *args)
{
    PyTypeObject *leaf, *inner, *index;
    PyObject *nothing;
    if (!PyArg_ParseTuple(args, "O!O!O!O", &PyType_Type, &leaf, &PyType_Type, &inner, &PyType_Type, &index, &nothing) ||
        find_slots(leaf, leaf_names) || find_slots(inner, inner_names) || check_tuple(index))
        return NULL;
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
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyType_Type, &batch, &PyType_Type, &cache, &PyType_Type, &pointer) ||
        find_slots(batch, batch_names) || find_slots(cache, cache_names) || check_tuple(pointer))
        return NULL;
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
