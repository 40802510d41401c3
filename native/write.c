/* What one publication writes: hashes, frames, locations, and what the cache keeps of them. */

#include "native.h"

static PyObject *
next_location(PyObject *batch)
{
    PyObject *prefix = SLOT(batch, batch_at.prefix), *counter = SLOT(batch, batch_at.counter);
    if (!is_bytes(prefix) || PyBytes_GET_SIZE(prefix) != LOCATION_BYTES - COUNTER_BYTES || counter == NULL ||
        !PyIter_Check(counter))
        return strange("a session");
    PyObject *number = PyIter_Next(counter);
    if (number == NULL)
        return PyErr_Occurred() ? NULL : strange("a session");
    unsigned long long value = PyLong_CheckExact(number) ? PyLong_AsUnsignedLongLong(number) : ~0ULL;
    Py_DECREF(number);
    if (value >> (8 * COUNTER_BYTES)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_OverflowError, "a session has no locations left");
        return NULL;
    }
    PyObject *location = PyBytes_FromStringAndSize(NULL, LOCATION_BYTES);
    if (location == NULL)
        return NULL;
    char *at = PyBytes_AS_STRING(location);
    memcpy(at, PyBytes_AS_STRING(prefix), LOCATION_BYTES - COUNTER_BYTES);
    for (int byte = LOCATION_BYTES - 1; byte >= LOCATION_BYTES - COUNTER_BYTES; byte--, value >>= 8)
        at[byte] = (char)(value & 0xff);
    return location;
}

int
checksum(const unsigned char *header, PyObject *location, PyObject *digest, PyObject *tail, uint32_t *check)
{
    PyObject *first = PyBytes_FromStringAndSize(NULL, LOCATION_BYTES + HEADER_BYTES + HASH_BYTES);
    if (first == NULL)
        return -1;
    char *at = PyBytes_AS_STRING(first);
    memcpy(at, PyBytes_AS_STRING(location), LOCATION_BYTES);
    memcpy(at + LOCATION_BYTES, header, HEADER_BYTES);
    memcpy(at + LOCATION_BYTES + HEADER_BYTES, PyBytes_AS_STRING(digest), HASH_BYTES);
    PyObject *before = PyObject_CallOneArg(crc32, first), *both[] = {tail, before};
    PyObject *after = before == NULL ? NULL : PyObject_Vectorcall(crc32, both, 2, NULL);
    Py_DECREF(first);
    Py_XDECREF(before);
    if (after == NULL)
        return -1;
    unsigned long number = PyLong_AsUnsignedLong(after);
    Py_DECREF(after);
    if (number == (unsigned long)-1 && PyErr_Occurred())
        return -1;
    *check = (uint32_t)number;
    return 0;
}

/* The bytes to store, as seal() in objects/frame.py makes them. */
static PyObject *
seal_plain(char kind, PyObject *content, PyObject *tail, PyObject *digest, PyObject *location)
{
    Py_ssize_t length = PyBytes_GET_SIZE(content), rest = PyBytes_GET_SIZE(tail);
    PyObject *data = PyBytes_FromStringAndSize(NULL, HEADER_BYTES + length + rest + CHECKSUM_BYTES);
    if (data == NULL)
        return NULL;
    unsigned char *at = (unsigned char *)PyBytes_AS_STRING(data);
    uint32_t check;
    at[0] = (unsigned char)kind;
    at[1] = 0; /* not compressed */
    for (int byte = 0; byte < 4; byte++)
        at[2 + byte] = (unsigned char)((size_t)length >> (8 * byte) & 0xff);
    memcpy(at + HEADER_BYTES, PyBytes_AS_STRING(content), length);
    memcpy(at + HEADER_BYTES + length, PyBytes_AS_STRING(tail), rest);
    if (checksum(at, location, digest, tail, &check) < 0) {
        Py_DECREF(data);
        return NULL;
    }
    for (int byte = 0; byte < CHECKSUM_BYTES; byte++)
        at[HEADER_BYTES + length + rest + byte] = (unsigned char)(check >> (8 * byte) & 0xff);
    return data;
}

/* Count in a cache's ``_bytes``. */
static int
note_growth(PyObject *cache, Py_ssize_t grown)
{
    PyObject *bytes = SLOT(cache, cache_at.bytes);
    if (grown == 0)
        return 0;
    if (bytes == NULL || !PyLong_CheckExact(bytes)) {
        strange("a cache");
        return -1;
    }
    Py_ssize_t now = PyLong_AsSsize_t(bytes);
    PyObject *sum = now == -1 && PyErr_Occurred() ? NULL : PyLong_FromSsize_t(now + grown);
    if (sum == NULL)
        return -1;
    Py_SETREF(SLOT(cache, cache_at.bytes), sum);
    return 0;
}

/* Put an object into the batch, and what it decodes to into the cache in the place of ``old``. Gives hash and location.

   ``value`` NULL: the cache keeps nothing of it. */
static int
write_object(PyObject *batch, PyObject *hash_content, PyObject *seal, PyObject *kind, PyObject *content, PyObject *tail,
             PyObject *value, PyObject *old, PyObject **digest, PyObject **location)
{
    PyObject *data = NULL, *entry = NULL, *young = NULL, *size = NULL;
    PyObject *entries = SLOT(batch, batch_at.entries), *codec = SLOT(batch, batch_at.codec);
    PyObject *cache = SLOT(batch, batch_at.cache);
    int result = -1;
    *digest = *location = NULL;
    if (entries == NULL || !PyList_CheckExact(entries) || codec == NULL || cache == NULL || Py_TYPE(cache) != Cache ||
        !is_bytes(kind) || PyBytes_GET_SIZE(kind) != 1 || !is_bytes(content) || !is_bytes(tail) || !is_bytes(old)) {
        strange("an object to write");
        return -1;
    }
    Py_INCREF(entries);
    *digest = hash_object(hash_content, kind, content);
    if (*digest == NULL)
        goto done;
    *location = next_location(batch);
    if (*location == NULL)
        goto done;
    if (codec != Py_None || PyBytes_GET_SIZE(content) > LARGE_BYTES || PyBytes_GET_SIZE(tail) > LARGE_BYTES)
        data = PyObject_CallFunctionObjArgs(seal, kind, content, tail, *digest, *location, codec, NULL);
    else
        data = seal_plain(PyBytes_AS_STRING(kind)[0], content, tail, *digest, *location);
    if (data == NULL)
        goto done;
    if (!PyBytes_CheckExact(data)) {
        strange("a sealed object");
        goto done;
    }
    entry = PyTuple_Pack(2, *location, data);
    if (entry == NULL || PyList_Append(entries, entry) < 0)
        goto done;
    if (value == NULL) {
        result = 0;
        goto done;
    }
    Py_ssize_t takes = PyBytes_GET_SIZE(data) + OVERHEAD_BYTES;
    size = PyLong_FromSsize_t(takes);
    if (size == NULL)
        goto done;
    Py_SETREF(entry, PyTuple_Pack(3, *digest, value, size));
    if (entry == NULL)
        goto done;
    young = Py_XNewRef(SLOT(cache, cache_at.young));
    if (young == NULL || !PyDict_CheckExact(young)) {
        strange("a cache");
        goto done;
    }
    PyObject *gone = PyDict_GetItemWithError(young, old);
    if (gone == NULL) { /* replace() looks further */
        PyObject *none = PyErr_Occurred() ? NULL
                         : PyObject_CallMethodObjArgs(cache, name_replace, old, *location, entry, NULL);
        result = none == NULL ? -1 : 0;
        Py_XDECREF(none);
        goto done;
    }
    Py_ssize_t took = takes;
    if (PyTuple_CheckExact(gone) && PyTuple_GET_SIZE(gone) == 3 && PyLong_CheckExact(PyTuple_GET_ITEM(gone, 2))) {
        took = PyLong_AsSsize_t(PyTuple_GET_ITEM(gone, 2));
        if (took == -1 && PyErr_Occurred())
            goto done;
    }
    if (PyDict_DelItem(young, old) < 0 || PyDict_SetItem(young, *location, entry) < 0)
        goto done;
    result = note_growth(cache, takes - took);

done:
    Py_DECREF(entries);
    Py_XDECREF(data);
    Py_XDECREF(entry);
    Py_XDECREF(young);
    Py_XDECREF(size);
    if (result < 0) {
        Py_CLEAR(*digest);
        Py_CLEAR(*location);
    }
    return result;
}

static PyObject *
make_pointer(PyObject *digest, PyObject *location)
{
    PyObject *pointer = make_tuple(Pointer, 2);
    if (pointer != NULL) {
        PyTuple_SET_ITEM(pointer, 0, Py_NewRef(digest));
        PyTuple_SET_ITEM(pointer, 1, Py_NewRef(location));
    }
    return pointer;
}

/* put(batch, hash_content, seal, kind, content, tail, value, old): Batch.put. */
PyObject *
put(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 8 || Batch == NULL || Py_TYPE(args[0]) != Batch)
        return strange("a batch");
    PyObject *digest, *location, *value = args[6] == Py_None ? NULL : args[6];
    if (write_object(args[0], args[1], args[2], args[3], args[4], args[5], value, args[7], &digest, &location))
        return NULL;
    PyObject *pointer = make_pointer(digest, location);
    Py_DECREF(digest);
    Py_DECREF(location);
    return pointer;
}

/* Return bytes with some of them replaced. */
static PyObject *
splice(PyObject *bytes, Py_ssize_t at, PyObject *part)
{
    PyObject *made = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(bytes));
    if (made != NULL) {
        memcpy(PyBytes_AS_STRING(made), PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
        memcpy(PyBytes_AS_STRING(made) + at, PyBytes_AS_STRING(part), PyBytes_GET_SIZE(part));
    }
    return made;
}

/* A leaf as Leaf.encode encodes it: joined from its parts where these are packed already. */
static int
join_leaf(PyObject *leaf, PyObject **content, PyObject **tail)
{
    *content = *tail = NULL;
    PyObject *values = SLOT(leaf, leaf_at.values), *order = SLOT(leaf, leaf_at.packed_ordinals);
    PyObject *keys = SLOT(leaf, leaf_at.packed_keys), *sizes = SLOT(leaf, leaf_at.packed_sizes);
    int is_packed = is_tuple(values) && is_bytes(order) && is_bytes(keys) && is_bytes(sizes) &&
                    PyBytes_GET_SIZE(order) && PyBytes_GET_SIZE(keys) && PyBytes_GET_SIZE(sizes);
    Py_ssize_t length = 0;
    for (Py_ssize_t index = 0; is_packed && index < PyTuple_GET_SIZE(values); index++) {
        is_packed = PyBytes_CheckExact(PyTuple_GET_ITEM(values, index));
        if (is_packed)
            length += PyBytes_GET_SIZE(PyTuple_GET_ITEM(values, index));
    }
    if (!is_packed) {
        PyObject *both = PyObject_CallMethodNoArgs(leaf, name_encode);
        if (is_tuple(both) && PyTuple_GET_SIZE(both) == 2) {
            *content = Py_NewRef(PyTuple_GET_ITEM(both, 0));
            *tail = Py_NewRef(PyTuple_GET_ITEM(both, 1));
        }
        else if (both != NULL)
            strange("an encoded page");
        Py_XDECREF(both);
        return *content == NULL ? -1 : 0;
    }
    length += PyBytes_GET_SIZE(keys) + PyBytes_GET_SIZE(sizes);
    *content = PyBytes_FromStringAndSize(NULL, length);
    *tail = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(order) + 1);
    if (*content == NULL || *tail == NULL) {
        Py_CLEAR(*content);
        Py_CLEAR(*tail);
        return -1;
    }
    char *at = PyBytes_AS_STRING(*content);
    at = (char *)memcpy(at, PyBytes_AS_STRING(keys), PyBytes_GET_SIZE(keys)) + PyBytes_GET_SIZE(keys);
    at = (char *)memcpy(at, PyBytes_AS_STRING(sizes), PyBytes_GET_SIZE(sizes)) + PyBytes_GET_SIZE(sizes);
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(values); index++) {
        PyObject *value = PyTuple_GET_ITEM(values, index);
        at = (char *)memcpy(at, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)) + PyBytes_GET_SIZE(value);
    }
    memcpy(PyBytes_AS_STRING(*tail), PyBytes_AS_STRING(order), PyBytes_GET_SIZE(order));
    PyBytes_AS_STRING(*tail)[PyBytes_GET_SIZE(order)] = 0; /* nothing has a tail */
    return 0;
}

/* put_path(batch, hash_content, seal, leaf, trail, added, old): Batch.put_path; ``old``: where the old root stood. */
PyObject *
put_path(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 7 || Batch == NULL || Inner == NULL || Py_TYPE(args[0]) != Batch || Py_TYPE(args[3]) != Leaf ||
        !PyList_CheckExact(args[4]) || !PyLong_CheckExact(args[5]) || !PyBytes_CheckExact(args[6]))
        return strange("a path of pages");
    PyObject *batch = args[0], *trail = args[4], *added = args[5];
    PyObject *page = Py_NewRef(args[3]), *content, *tail;
    PyObject *above = NULL, *digest = NULL, *location = NULL, *old = NULL, *result = NULL;
    Py_ssize_t more = PyLong_AsSsize_t(added);
    if ((more == -1 && PyErr_Occurred()) || join_leaf(page, &content, &tail) < 0) {
        Py_DECREF(page);
        return NULL;
    }
    for (Py_ssize_t step = PyList_GET_SIZE(trail) - 1; step >= 0; step--) {
        PyObject *pair = step < PyList_GET_SIZE(trail) ? PyList_GET_ITEM(trail, step) : NULL;
        if (!is_tuple(pair) || PyTuple_GET_SIZE(pair) != 2 || Py_TYPE(PyTuple_GET_ITEM(pair, 0)) != Inner ||
            !PyLong_CheckExact(PyTuple_GET_ITEM(pair, 1))) {
            strange("a path of pages");
            goto done;
        }
        PyObject *parent = PyTuple_GET_ITEM(pair, 0), *position = PyTuple_GET_ITEM(pair, 1);
        Py_ssize_t index = PyLong_AsSsize_t(position);
        above = more == 0 ? Py_NewRef(parent)
                          : PyObject_CallMethodObjArgs(parent, name_with_count, position, added, NULL);
        if (above == NULL)
            goto done;
        Py_ssize_t hashes = Py_TYPE(above) == Inner ? hashes_of(above, index) : -1;
        PyObject *keys = hashes < 0 ? NULL : SLOT(above, inner_at.keys);
        if (keys == NULL) {
            strange("an inner page");
            goto done;
        }
        PyObject *locations = SLOT(above, inner_at.locations);
        old = PyBytes_FromStringAndSize(PyBytes_AS_STRING(locations) + index * LOCATION_BYTES, LOCATION_BYTES);
        if (old == NULL || write_object(batch, args[1], args[2], page_kind, content, tail, page, old, &digest,
                                        &location) < 0)
            goto done;
        Py_CLEAR(old);
        Py_SETREF(content, splice(SLOT(above, inner_at.content), hashes + index * HASH_BYTES, digest));
        Py_SETREF(tail, splice(locations, index * LOCATION_BYTES, location));
        Py_CLEAR(digest);
        Py_CLEAR(location);
        if (content == NULL || tail == NULL)
            goto done;
        PyObject *made = make_inner(SLOT(above, inner_at.index), keys, content, tail);
        if (made == NULL)
            goto done;
        Py_SETREF(page, made);
        Py_CLEAR(above);
    }
    if (!is_bytes(content))
        strange("an encoded page");
    else if (PyBytes_GET_SIZE(content) <= EMBED_BYTES)
        result = Py_NewRef(page);
    else if (write_object(batch, args[1], args[2], page_kind, content, tail, page, args[6], &digest, &location) == 0)
        result = make_pointer(digest, location);

done:
    Py_DECREF(page);
    Py_XDECREF(content);
    Py_XDECREF(tail);
    Py_XDECREF(above);
    Py_XDECREF(digest);
    Py_XDECREF(location);
    Py_XDECREF(old);
    return result;
}
