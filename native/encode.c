/* How a page begins, and where keys are cut into pages. */

#include "native.h"

/* pack_keys(level, keys): how the content of a page begins; None where a key is long, or does not come after the last. */
PyObject *
pack_keys(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyLong_CheckExact(args[0]) || !PyTuple_CheckExact(args[1]) || PyTuple_GET_SIZE(args[1]) == 0)
        return strange("the keys of a page");
    long level = PyLong_AsLong(args[0]);
    PyObject *keys = args[1];
    Py_ssize_t number = PyTuple_GET_SIZE(keys), total = 0, longest = 0;
    for (Py_ssize_t index = 0; index < number; index++) {
        PyObject *key = PyTuple_GET_ITEM(keys, index);
        if (!PyBytes_CheckExact(key))
            return strange("a key");
        total += PyBytes_GET_SIZE(key);
        longest = PyBytes_GET_SIZE(key) > longest ? PyBytes_GET_SIZE(key) : longest;
    }
    if (level < 0 || level > MAX_LEVEL || number > 0xffff || longest > 0xff) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    PyObject *first = PyTuple_GET_ITEM(keys, 0), *last = PyTuple_GET_ITEM(keys, number - 1);
    const char *one = PyBytes_AS_STRING(first), *other = PyBytes_AS_STRING(last);
    Py_ssize_t shared = 0; /* by the keys between as well, in their order */
    while (shared < PyBytes_GET_SIZE(first) && shared < PyBytes_GET_SIZE(last) && one[shared] == other[shared])
        shared++;
    if (shared >= 0x80)
        Py_RETURN_NONE;
    total -= number * shared;
    PyObject *packed = total < 0 ? NULL : PyBytes_FromStringAndSize(NULL, 5 + shared + (total ? number + total : 0));
    if (packed == NULL)
        return total < 0 ? strange("the order of keys") : NULL;
    unsigned char *at = (unsigned char *)PyBytes_AS_STRING(packed);
    *at++ = (unsigned char)level;
    *at++ = (unsigned char)(number & 0xff);
    *at++ = (unsigned char)(number >> 8);
    *at++ = (unsigned char)shared;
    memcpy(at, one, shared);
    at += shared;
    *at++ = total ? 1 : 0; /* the width of a length */
    if (total == 0)
        return packed;
    for (Py_ssize_t index = 0; index < number; index++) {
        Py_ssize_t rest = PyBytes_GET_SIZE(PyTuple_GET_ITEM(keys, index)) - shared;
        if (rest < 0) {
            Py_DECREF(packed);
            return strange("the order of keys");
        }
        *at++ = (unsigned char)rest;
    }
    for (Py_ssize_t index = 0; index < number; index++) {
        PyObject *key = PyTuple_GET_ITEM(keys, index);
        Py_ssize_t rest = PyBytes_GET_SIZE(key) - shared;
        memcpy(at, PyBytes_AS_STRING(key) + shared, rest);
        at += rest;
    }
    return packed;
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
