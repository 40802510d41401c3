/* Pages that are there: the way down to a key, and the same page with another child or another count. */

#include "native.h"

/* Where the hashes begin in an inner page that is as it should be; -1: it is not. */
Py_ssize_t
hashes_of(PyObject *page, Py_ssize_t index)
{
    PyObject *about = SLOT(page, inner_at.index), *content = SLOT(page, inner_at.content);
    PyObject *locations = SLOT(page, inner_at.locations);
    if (about == NULL || Py_TYPE(about) != Index || PyTuple_GET_SIZE(about) != 5 || !is_bytes(content) ||
        !is_bytes(locations))
        return -1;
    PyObject *start = PyTuple_GET_ITEM(about, 4);
    if (!PyLong_CheckExact(start))
        return -1;
    Py_ssize_t at = PyLong_AsSsize_t(start);
    if (at < 0 || index < 0 || index > PY_SSIZE_T_MAX / HASH_BYTES - 1 ||
        PyBytes_GET_SIZE(content) - at < (index + 1) * HASH_BYTES ||
        PyBytes_GET_SIZE(locations) < (index + 1) * LOCATION_BYTES) {
        PyErr_Clear();
        return -1;
    }
    return at;
}

/* The first position whose key is not below; -1 where these are not keys. */
static Py_ssize_t
find_position(PyObject *keys, PyObject *key)
{
    const char *wanted = PyBytes_AS_STRING(key);
    Py_ssize_t length = PyBytes_GET_SIZE(key), low = 0, high = PyTuple_GET_SIZE(keys);
    while (low < high) {
        Py_ssize_t middle = (low + high) / 2;
        PyObject *there = PyTuple_GET_ITEM(keys, middle);
        if (!PyBytes_CheckExact(there))
            return -1;
        Py_ssize_t size = PyBytes_GET_SIZE(there);
        int order = memcmp(PyBytes_AS_STRING(there), wanted, size < length ? size : length);
        if (order < 0 || (order == 0 && size < length))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* descend(source, page, key, trail): follow a key down from a page as far as the source's cache knows the way.

   Adds (page, index) to the trail, if there is one, for each inner page that it goes through; returns the page that it
   came to. */
PyObject *
descend(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyBytes_CheckExact(args[2]) ||
        (args[3] != Py_None && !PyList_CheckExact(args[3])))
        return strange("what leads to a page");
    PyObject *key = args[2], *trail = args[3];
    PyObject *cache = PyObject_GetAttr(args[0], name_cache);
    PyObject *young = cache != NULL && Py_TYPE(cache) == Cache ? Py_XNewRef(SLOT(cache, cache_at.young)) : NULL;
    Py_XDECREF(cache);
    if (young == NULL || !PyDict_CheckExact(young)) {
        if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError))
            return NULL;
        PyErr_Clear(); /* a source without a cache knows no way */
        Py_XDECREF(young);
        return Py_NewRef(args[1]);
    }
    PyObject *page = Py_NewRef(args[1]);
    while (Py_TYPE(page) == Inner && SLOT(page, inner_at.fresh) == nothing_fresh) {
        PyObject *keys = SLOT(page, inner_at.keys);
        Py_ssize_t index = is_tuple(keys) ? find_position(keys, key) : -1;
        if (index >= 0 && index == PyTuple_GET_SIZE(keys))
            index -= 1; /* behind every key there is: at the end of the last leaf */
        Py_ssize_t hashes = index < 0 ? -1 : hashes_of(page, index);
        if (hashes < 0) {
            strange("an inner page");
            goto failed;
        }
        const char *locations = PyBytes_AS_STRING(SLOT(page, inner_at.locations));
        PyObject *location = PyBytes_FromStringAndSize(locations + index * LOCATION_BYTES, LOCATION_BYTES);
        if (location == NULL)
            goto failed;
        PyObject *found = PyDict_GetItemWithError(young, location);
        Py_DECREF(location);
        if (found == NULL && PyErr_Occurred())
            goto failed;
        if (!is_tuple(found) || PyTuple_GET_SIZE(found) != 3)
            break;
        PyObject *digest = PyTuple_GET_ITEM(found, 0), *next = PyTuple_GET_ITEM(found, 1);
        const char *named = PyBytes_AS_STRING(SLOT(page, inner_at.content)) + hashes + index * HASH_BYTES;
        if (!PyBytes_CheckExact(digest) || PyBytes_GET_SIZE(digest) != HASH_BYTES ||
            memcmp(PyBytes_AS_STRING(digest), named, HASH_BYTES) != 0 ||
            (Py_TYPE(next) != Inner && Py_TYPE(next) != Leaf))
            break;
        Py_INCREF(next); /* making the step may run a collection, and that anything */
        if (trail != Py_None) {
            PyObject *step = Py_BuildValue("(On)", page, index);
            int failed = step == NULL || PyList_Append(trail, step) < 0;
            Py_XDECREF(step);
            if (failed) {
                Py_DECREF(next);
                goto failed;
            }
        }
        Py_SETREF(page, next);
    }
    Py_DECREF(young);
    return page;

failed:
    Py_DECREF(young);
    Py_DECREF(page);
    return NULL;
}

static PyObject *
replace_item(PyObject *tuple, Py_ssize_t index, PyObject *item)
{
    Py_ssize_t number = PyTuple_GET_SIZE(tuple);
    PyObject *made = PyTuple_New(number);
    if (made != NULL)
        for (Py_ssize_t at = 0; at < number; at++)
            PyTuple_SET_ITEM(made, at, Py_NewRef(at == index ? item : PyTuple_GET_ITEM(tuple, at)));
    return made;
}

/* A tuple of a class of ours, to be filled in. */
PyObject *
make_tuple(PyTypeObject *type, Py_ssize_t number)
{
    PyObject *made = type->tp_alloc(type, number);
#if PY_VERSION_HEX >= 0x030E0000
    if (made != NULL)
        ((PyTupleObject *)made)->ob_hash = -1; /* not known yet; 0 would be taken for it */
#endif
    return made;
}

/* An inner page of which everything is given, with nothing fresh. Takes over no reference. */
PyObject *
make_inner(PyObject *index, PyObject *keys, PyObject *content, PyObject *locations)
{
    PyObject *page = Inner->tp_alloc(Inner, 0);
    if (page != NULL) {
        SLOT(page, inner_at.content) = Py_NewRef(content);
        SLOT(page, inner_at.locations) = Py_NewRef(locations);
        SLOT(page, inner_at.fresh) = Py_NewRef(nothing_fresh);
        SLOT(page, inner_at.index) = Py_NewRef(index);
        SLOT(page, inner_at.keys) = Py_NewRef(keys);
    }
    return page;
}

/* The page with another count at an index, of the width that all counts have; None where it is not so simple. */
static PyObject *
change_count(PyObject *page, Py_ssize_t index, Py_ssize_t added)
{
    PyObject *about = SLOT(page, inner_at.index), *content = SLOT(page, inner_at.content);
    PyObject *keys = SLOT(page, inner_at.keys);
    if (SLOT(page, inner_at.fresh) != nothing_fresh || keys == NULL || hashes_of(page, index) < 0)
        Py_RETURN_NONE;
    PyObject *counts = PyTuple_GET_ITEM(about, 2), *start = PyTuple_GET_ITEM(about, 3);
    if (!PyTuple_CheckExact(counts) || index >= PyTuple_GET_SIZE(counts) || !PyLong_CheckExact(start) ||
        !PyLong_CheckExact(PyTuple_GET_ITEM(counts, index)))
        Py_RETURN_NONE;
    Py_ssize_t at = PyLong_AsSsize_t(start), number = PyLong_AsSsize_t(PyTuple_GET_ITEM(counts, index)) + added;
    if (PyErr_Occurred()) { /* beyond what fits here, which Python can count */
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    int width = at < 0 || at >= PyBytes_GET_SIZE(content) ? 0 : PyBytes_AS_STRING(content)[at];
    at += 1 + index * width;
    if ((width != 1 && width != 2 && width != 4) || at + width > PyBytes_GET_SIZE(content) || number < 0 ||
        number >> 8 * width || (width > 1 && !(number >> 4 * width)))
        Py_RETURN_NONE;
    PyObject *packed = PyBytes_FromStringAndSize(PyBytes_AS_STRING(content), PyBytes_GET_SIZE(content));
    PyObject *made = NULL, *count = PyLong_FromSsize_t(number);
    PyObject *changed = count == NULL ? NULL : replace_item(counts, index, count);
    PyObject *other = changed == NULL ? NULL : make_tuple(Index, 5);
    if (packed != NULL && other != NULL) {
        for (int byte = 0; byte < width; byte++)
            PyBytes_AS_STRING(packed)[at + byte] = (char)(number >> 8 * byte & 0xff);
        for (int field = 0; field < 5; field++)
            PyTuple_SET_ITEM(other, field, Py_NewRef(field == 2 ? changed : PyTuple_GET_ITEM(about, field)));
        made = make_inner(other, keys, packed, SLOT(page, inner_at.locations));
    }
    Py_XDECREF(packed);
    Py_XDECREF(count);
    Py_XDECREF(changed);
    Py_XDECREF(other);
    return made;
}

/* with_count(page, index, added): Inner.with_count, or None where it is Python's to do. */
PyObject *
with_count(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 3 || Inner == NULL || Py_TYPE(args[0]) != Inner || !PyLong_CheckExact(args[1]) ||
        !PyLong_CheckExact(args[2]))
        return strange("a change of a page");
    Py_ssize_t index = PyLong_AsSsize_t(args[1]), added = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred())
        return NULL;
    return change_count(args[0], index, added);
}

/* with_value(leaf, index, value, ordinal): Leaf.with_value. */
PyObject *
with_value(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || Leaf == NULL || Py_TYPE(args[0]) != Leaf || !PyLong_CheckExact(args[1]) ||
        !PyLong_CheckExact(args[3]))
        return strange("a change of a leaf");
    PyObject *leaf = args[0], *value = args[2], *ordinal = args[3];
    PyObject *keys = SLOT(leaf, leaf_at.keys), *values = SLOT(leaf, leaf_at.values);
    PyObject *ordinals = SLOT(leaf, leaf_at.ordinals), *packed_keys = SLOT(leaf, leaf_at.packed_keys);
    PyObject *packed_ordinals = SLOT(leaf, leaf_at.packed_ordinals), *sizes = SLOT(leaf, leaf_at.packed_sizes);
    Py_ssize_t index = PyLong_AsSsize_t(args[1]);
    if (index == -1 && PyErr_Occurred())
        return NULL;
    if (!is_tuple(keys) || !is_tuple(values) || !is_tuple(ordinals) || packed_keys == NULL || packed_ordinals == NULL ||
        sizes == NULL || index < 0 || index >= PyTuple_GET_SIZE(values) || index >= PyTuple_GET_SIZE(ordinals))
        return strange("a leaf");
    PyObject *old = PyTuple_GET_ITEM(values, index);
    int is_same_order = PyObject_RichCompareBool(PyTuple_GET_ITEM(ordinals, index), ordinal, Py_EQ);
    int is_same_size = is_bytes(value) && is_bytes(old) && PyBytes_GET_SIZE(value) == PyBytes_GET_SIZE(old);
    PyObject *made = is_same_order < 0 ? NULL : Leaf->tp_alloc(Leaf, 0);
    if (made == NULL)
        return NULL;
    SLOT(made, leaf_at.keys) = Py_NewRef(keys);
    SLOT(made, leaf_at.values) = replace_item(values, index, value);
    SLOT(made, leaf_at.ordinals) = is_same_order ? Py_NewRef(ordinals) : replace_item(ordinals, index, ordinal);
    SLOT(made, leaf_at.packed_keys) = Py_NewRef(packed_keys);
    SLOT(made, leaf_at.packed_ordinals) = Py_NewRef(is_same_order ? packed_ordinals : no_bytes);
    SLOT(made, leaf_at.packed_sizes) = Py_NewRef(is_same_size ? sizes : no_bytes);
    if (SLOT(made, leaf_at.values) == NULL || SLOT(made, leaf_at.ordinals) == NULL)
        Py_CLEAR(made);
    return made;
}
