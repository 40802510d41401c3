/* Where keys are cut into pages, and how leaves are encoded. */

#include "native.h"

/* A run of keys in their order as a page begins with it: level, number, what all share, and the rest of each. */
typedef struct {
    PyObject **keys;
    Py_ssize_t number, shared, rests; /* bytes that all begin with, and bytes of what comes behind, together */
} Run;

/* Take the measure of keys. 1: of these, and 0: for Python to pack, which takes longer lengths; -1: no keys at all. */
static int
measure_run(Run *run)
{
    Py_ssize_t longest = 0, last = run->number - 1;
    run->shared = run->rests = 0;
    for (Py_ssize_t index = 0; index < run->number; index++) {
        PyObject *key = run->keys[index];
        if (!PyBytes_CheckExact(key)) {
            strange("a key");
            return -1;
        }
        run->rests += PyBytes_GET_SIZE(key);
        longest = PyBytes_GET_SIZE(key) > longest ? PyBytes_GET_SIZE(key) : longest;
    }
    if (run->number < 1 || run->number > 0xffff || longest > 0xff)
        return 0;
    const char *one = PyBytes_AS_STRING(run->keys[0]), *other = PyBytes_AS_STRING(run->keys[last]);
    Py_ssize_t most = PyBytes_GET_SIZE(run->keys[0]) < PyBytes_GET_SIZE(run->keys[last])
                          ? PyBytes_GET_SIZE(run->keys[0])
                          : PyBytes_GET_SIZE(run->keys[last]);
    while (run->shared < most && one[run->shared] == other[run->shared])
        run->shared++; /* by the keys between as well, in their order */
    for (Py_ssize_t index = 0; index < run->number; index++)
        if (PyBytes_GET_SIZE(run->keys[index]) < run->shared) {
            strange("the order of keys");
            return -1;
        }
    run->rests -= run->number * run->shared;
    return run->shared < 0x80;
}

static Py_ssize_t
size_of_run(const Run *run)
{
    return 5 + run->shared + (run->rests ? run->number + run->rests : 0);
}

static void
pack_run(const Run *run, int level, unsigned char *at)
{
    *at++ = (unsigned char)level;
    *at++ = (unsigned char)(run->number & 0xff);
    *at++ = (unsigned char)(run->number >> 8);
    *at++ = (unsigned char)run->shared;
    memcpy(at, PyBytes_AS_STRING(run->keys[0]), run->shared);
    at += run->shared;
    *at++ = run->rests ? 1 : 0; /* the width of a length */
    if (run->rests == 0)
        return;
    for (Py_ssize_t index = 0; index < run->number; index++)
        *at++ = (unsigned char)(PyBytes_GET_SIZE(run->keys[index]) - run->shared);
    for (Py_ssize_t index = 0; index < run->number; index++) {
        Py_ssize_t rest = PyBytes_GET_SIZE(run->keys[index]) - run->shared;
        memcpy(at, PyBytes_AS_STRING(run->keys[index]) + run->shared, rest);
        at += rest;
    }
}

/* pack_keys(level, keys): pack_keys() in objects/columns.py; None where a length takes more than a byte. */
PyObject *
pack_keys(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyLong_CheckExact(args[0]) || !PyTuple_CheckExact(args[1]))
        return strange("the keys of a page");
    long level = PyLong_AsLong(args[0]);
    if (level < 0 || level > MAX_LEVEL)
        return PyErr_Occurred() ? NULL : strange("a level");
    Run run = {((PyTupleObject *)args[1])->ob_item, PyTuple_GET_SIZE(args[1]), 0, 0};
    int measured = measure_run(&run);
    if (measured < 0)
        return NULL;
    if (measured == 0)
        Py_RETURN_NONE;
    PyObject *packed = PyBytes_FromStringAndSize(NULL, size_of_run(&run));
    if (packed != NULL)
        pack_run(&run, (int)level, (unsigned char *)PyBytes_AS_STRING(packed));
    return packed;
}

/* The width that pack_integers() in objects/packing.py gives numbers up to this one. */
static int
width_of(uint64_t top)
{
    return top == 0 ? 0 : top < 0x100 ? 1 : top < 0x10000 ? 2 : top < UINT64_C(0x100000000) ? 4 : 8;
}

static unsigned char *
pack_number(unsigned char *at, uint64_t number, int width)
{
    for (int byte = 0; byte < width; byte++, number >>= 8)
        *at++ = (unsigned char)(number & 0xff);
    return at;
}

/* One leaf of columns whose children are all bytes: (content, tail, packed keys, packed sizes). */
static PyObject *
encode_leaf(Run *run, PyObject **values, PyObject **ordinals)
{
    Py_ssize_t number = run->number, children = 0, largest = 0;
    uint64_t last = 0, ordinal;
    int measured = measure_run(run);
    if (measured <= 0)
        return measured < 0 ? NULL : Py_NewRef(Py_None);
    for (Py_ssize_t index = 0; index < number; index++) {
        if (!PyBytes_CheckExact(values[index]) || !PyLong_CheckExact(ordinals[index]))
            return strange("a child");
        children += PyBytes_GET_SIZE(values[index]);
        largest = PyBytes_GET_SIZE(values[index]) > largest ? PyBytes_GET_SIZE(values[index]) : largest;
        ordinal = PyLong_AsUnsignedLongLong(ordinals[index]);
        if (ordinal == (uint64_t)-1 && PyErr_Occurred())
            return NULL;
        last = ordinal > last ? ordinal : last;
    }
    int width = width_of(largest), place_width = width_of(last);
    Py_ssize_t begins = size_of_run(run), sizes = 1 + number * width;
    PyObject *content = PyBytes_FromStringAndSize(NULL, begins + sizes + children);
    PyObject *tail = PyBytes_FromStringAndSize(NULL, 1 + number * place_width + 1);
    PyObject *keys = NULL, *packed = NULL, *made = NULL;
    if (content == NULL || tail == NULL)
        goto done;
    unsigned char *at = (unsigned char *)PyBytes_AS_STRING(content), *order = (unsigned char *)PyBytes_AS_STRING(tail);
    pack_run(run, 0, at);
    at += begins;
    *at++ = (unsigned char)width;
    *order++ = (unsigned char)place_width;
    for (Py_ssize_t index = 0; index < number; index++) {
        at = pack_number(at, PyBytes_GET_SIZE(values[index]), width);
        order = pack_number(order, PyLong_AsUnsignedLongLong(ordinals[index]), place_width);
    }
    *order = 0; /* nothing here has a tail */
    for (Py_ssize_t index = 0; index < number; index++) {
        memcpy(at, PyBytes_AS_STRING(values[index]), PyBytes_GET_SIZE(values[index]));
        at += PyBytes_GET_SIZE(values[index]);
    }
    keys = PyBytes_FromStringAndSize(PyBytes_AS_STRING(content), begins);
    packed = PyBytes_FromStringAndSize(PyBytes_AS_STRING(content) + begins, sizes);
    if (keys != NULL && packed != NULL)
        made = PyTuple_Pack(4, content, tail, keys, packed);

done:
    Py_XDECREF(content);
    Py_XDECREF(tail);
    Py_XDECREF(keys);
    Py_XDECREF(packed);
    return made;
}

/* encode_leaves(keys, values, ordinals, ends): encode_leaves() in objects/columns.py, as a list.

   None where the keys of a leaf take Python to pack. */
PyObject *
encode_leaves(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyList_CheckExact(args[3]))
        return strange("columns of a container");
    PyObject *columns[3] = {NULL, NULL, NULL}, *made = NULL;
    for (int column = 0; column < 3; column++) { /* tuples: nothing can change them while they are read */
        columns[column] = PySequence_Tuple(args[column]);
        if (columns[column] == NULL)
            goto failed;
    }
    made = PyList_New(0);
    if (made == NULL)
        goto failed;
    Py_ssize_t start = 0, most = PyTuple_GET_SIZE(columns[0]);
    if (PyTuple_GET_SIZE(columns[1]) != most || PyTuple_GET_SIZE(columns[2]) != most) {
        strange("columns of a container");
        goto failed;
    }
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(args[3]); index++) {
        PyObject *place = PyList_GET_ITEM(args[3], index);
        Py_ssize_t end = PyLong_CheckExact(place) ? PyLong_AsSsize_t(place) : -1;
        if (end <= start || end > most) {
            if (!PyErr_Occurred())
                strange("the end of a leaf");
            goto failed;
        }
        Run run = {((PyTupleObject *)columns[0])->ob_item + start, end - start, 0, 0};
        PyObject *leaf = encode_leaf(&run, ((PyTupleObject *)columns[1])->ob_item + start,
                                     ((PyTupleObject *)columns[2])->ob_item + start);
        if (leaf == Py_None)
            Py_SETREF(made, Py_NewRef(Py_None));
        int failed = leaf == NULL || (leaf != Py_None && PyList_Append(made, leaf) < 0);
        Py_XDECREF(leaf);
        if (failed)
            goto failed;
        if (made == Py_None)
            break;
        start = end;
    }
    for (int column = 0; column < 3; column++)
        Py_DECREF(columns[column]);
    return made;

failed:
    for (int column = 0; column < 3; column++)
        Py_XDECREF(columns[column]);
    Py_XDECREF(made);
    return NULL;
}

/* cuts(keys, salt, limits): the loop of cuts() in merkle/chunking.py. */
PyObject *
cuts(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || !PyLong_CheckExact(args[1]) || !PyTuple_CheckExact(args[2]))
        return strange("keys to cut");
    uint64_t limits[64];
    Py_ssize_t distances = PyTuple_GET_SIZE(args[2]), distance = 0;
    unsigned long salt = PyLong_AsUnsignedLong(args[1]);
    if (distances > 64 || (salt == (unsigned long)-1 && PyErr_Occurred()))
        return PyErr_Occurred() ? NULL : strange("a table of cuts");
    for (Py_ssize_t index = 0; index < distances; index++) {
        limits[index] = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args[2], index));
        if (limits[index] == (uint64_t)-1 && PyErr_Occurred())
            return NULL;
    }
    PyObject *keys = PySequence_Fast(args[0], "keys are a sequence"), *places = PyList_New(0);
    if (keys == NULL || places == NULL)
        goto failed;
    for (Py_ssize_t index = 0; index < PySequence_Fast_GET_SIZE(keys); index++) {
        PyObject *check = PyObject_CallOneArg(crc32, PySequence_Fast_GET_ITEM(keys, index));
        if (check == NULL)
            goto failed;
        uint64_t number = PyLong_AsUnsignedLong(check);
        Py_DECREF(check);
        if (number > 0xffffffff) /* also what is no number: crc32 returns none such */
            goto failed;
        number = (number ^ salt) * UINT64_C(0x9E3779B97F4A7C15) >> 32;
        if (++distance >= distances) {
            strange("a table of cuts");
            goto failed;
        }
        if (number >= limits[distance])
            continue;
        distance = 0;
        PyObject *place = PyLong_FromSsize_t(index + 1);
        int failed = place == NULL || PyList_Append(places, place) < 0;
        Py_XDECREF(place);
        if (failed)
            goto failed;
    }
    Py_DECREF(keys);
    return places;

failed:
    Py_XDECREF(keys);
    Py_XDECREF(places);
    return NULL;
}
