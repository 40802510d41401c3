/* Pages out of bytes, none of which is trusted. */

#include "native.h"

static uint64_t
read_number(const unsigned char *at, int width)
{
    uint64_t value = 0;
    while (width-- > 0)
        value = value << 8 | at[width];
    return value;
}

/* unseal(hash_content, data, kind, digest, location): unseal() in objects/frame.py: (content, tail, hash).

   None where it is compressed or anything is wrong: then Python looks again, and says what. */
PyObject *
unseal(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5)
        return strange("a stored object");
    if (!PyBytes_CheckExact(args[1]) || !PyBytes_CheckExact(args[2]) || PyBytes_GET_SIZE(args[2]) != 1 ||
        !PyBytes_CheckExact(args[4]) || PyBytes_GET_SIZE(args[4]) != LOCATION_BYTES)
        Py_RETURN_NONE;
    const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(args[1]);
    Py_ssize_t room = PyBytes_GET_SIZE(args[1]) - HEADER_BYTES - CHECKSUM_BYTES;
    if (room < 0 || data[0] != (unsigned char)PyBytes_AS_STRING(args[2])[0] || data[1] != 0)
        Py_RETURN_NONE;
    Py_ssize_t length = (Py_ssize_t)read_number(data + 2, 4);
    if (length > room)
        Py_RETURN_NONE;
    PyObject *content = PyBytes_FromStringAndSize((const char *)data + HEADER_BYTES, length);
    PyObject *tail = PyBytes_FromStringAndSize((const char *)data + HEADER_BYTES + length, room - length);
    PyObject *digest = NULL, *made = NULL;
    uint32_t check;
    if (content == NULL || tail == NULL)
        goto done;
    digest = hash_object(args[0], args[2], content);
    if (digest == NULL)
        goto done;
    if (args[3] != Py_None && (!PyBytes_CheckExact(args[3]) || PyBytes_GET_SIZE(args[3]) != HASH_BYTES ||
                               memcmp(PyBytes_AS_STRING(args[3]), PyBytes_AS_STRING(digest), HASH_BYTES) != 0)) {
        made = Py_NewRef(Py_None);
        goto done;
    }
    if (checksum(data, args[4], digest, tail, &check) < 0)
        goto done;
    if (check == read_number(data + HEADER_BYTES + room, CHECKSUM_BYTES))
        made = PyTuple_Pack(3, content, tail, digest);
    else
        made = Py_NewRef(Py_None);

done:
    Py_XDECREF(content);
    Py_XDECREF(tail);
    Py_XDECREF(digest);
    return made;
}

typedef struct {
    const unsigned char *data;
    Py_ssize_t size, at;
} Bytes;

/* Integers as pack_integers() in objects/packing.py packs them. NULL with no error: these are not. */
static PyObject *
read_integers(Bytes *bytes, Py_ssize_t number)
{
    if (bytes->at >= bytes->size)
        return NULL;
    int width = bytes->data[bytes->at];
    if ((width > 2 && width != 4 && width != 8) || (bytes->size - bytes->at - 1) / (width ? width : 1) < number * !!width)
        return NULL;
    bytes->at += 1;
    PyObject *made = PyTuple_New(number);
    if (made == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index < number; index++, bytes->at += width) {
        PyObject *one = PyLong_FromUnsignedLongLong(read_number(bytes->data + bytes->at, width));
        if (one == NULL) {
            Py_DECREF(made);
            return NULL;
        }
        PyTuple_SET_ITEM(made, index, one);
    }
    return made;
}

/* Pieces of these sizes, each with ``shared`` before it. NULL with no error: they do not fit. */
static PyObject *
read_pieces(Bytes *bytes, PyObject *sizes, const unsigned char *shared, Py_ssize_t length)
{
    Py_ssize_t number = PyTuple_GET_SIZE(sizes);
    PyObject *made = PyTuple_New(number);
    if (made == NULL)
        return NULL;
    for (Py_ssize_t index = 0; index < number; index++) {
        Py_ssize_t size = PyLong_AsSsize_t(PyTuple_GET_ITEM(sizes, index));
        if (size < 0 || size > bytes->size - bytes->at) { /* also what is too large for the machine */
            PyErr_Clear();
            Py_DECREF(made);
            return NULL;
        }
        PyObject *piece = PyBytes_FromStringAndSize(NULL, length + size);
        if (piece == NULL) {
            Py_DECREF(made);
            return NULL;
        }
        memcpy(PyBytes_AS_STRING(piece), shared, length);
        memcpy(PyBytes_AS_STRING(piece) + length, bytes->data + bytes->at, size);
        bytes->at += size;
        PyTuple_SET_ITEM(made, index, piece);
    }
    return made;
}

static PyObject *
part_of(const Bytes *bytes, Py_ssize_t start, Py_ssize_t end)
{
    return PyBytes_FromStringAndSize((const char *)bytes->data + start, end - start);
}

/* The rest of an inner page. Takes over ``keys``. */
static PyObject *
finish_inner(PyObject *content, PyObject *tail, Bytes *bytes, int level, PyObject *keys)
{
    Py_ssize_t number = PyTuple_GET_SIZE(keys), counts_at = bytes->at;
    PyObject *index = NULL, *page = NULL, *counts = read_integers(bytes, number);
    if (counts == NULL || bytes->size - bytes->at != number * HASH_BYTES ||
        PyBytes_GET_SIZE(tail) != number * LOCATION_BYTES)
        goto done;
    index = make_tuple(Index, 5);
    if (index == NULL)
        goto done;
    PyObject *fields[] = {PyLong_FromLong(level), Py_NewRef(keys), Py_NewRef(counts), PyLong_FromSsize_t(counts_at),
                          PyLong_FromSsize_t(bytes->at)};
    for (int field = 0; field < 5; field++)
        PyTuple_SET_ITEM(index, field, fields[field]);
    if (fields[0] == NULL || fields[3] == NULL || fields[4] == NULL)
        goto done;
    page = make_inner(index, keys, content, tail);

done:
    Py_DECREF(keys);
    Py_XDECREF(counts);
    Py_XDECREF(index);
    return page;
}

/* The rest of a leaf whose children are all embedded and have no tail. Takes over ``keys``. */
static PyObject *
finish_leaf(PyObject *tail, Bytes *bytes, PyObject *keys)
{
    Py_ssize_t number = PyTuple_GET_SIZE(keys), start = bytes->at;
    Bytes order = {(const unsigned char *)PyBytes_AS_STRING(tail), PyBytes_GET_SIZE(tail), 0};
    PyObject *values = NULL, *ordinals = NULL, *page = NULL, *sizes = read_integers(bytes, number);
    PyObject *packed[3] = {NULL, NULL, NULL};
    if (sizes == NULL)
        goto done;
    Py_ssize_t end = bytes->at;
    for (Py_ssize_t index = 0; index < number; index++)
        if (!PyObject_IsTrue(PyTuple_GET_ITEM(sizes, index))) /* stands elsewhere */
            goto done;
    ordinals = read_integers(&order, number);
    if (ordinals == NULL || order.size != order.at + 1 || order.data[order.at] != 0)
        goto done;
    values = read_pieces(bytes, sizes, bytes->data, 0);
    if (values == NULL || bytes->at != bytes->size)
        goto done;
    packed[0] = part_of(bytes, 0, start);
    packed[1] = part_of(bytes, start, end);
    packed[2] = part_of(&order, 0, order.at);
    if (packed[0] == NULL || packed[1] == NULL || packed[2] == NULL)
        goto done;
    page = Leaf->tp_alloc(Leaf, 0);
    if (page == NULL)
        goto done;
    SLOT(page, leaf_at.keys) = Py_NewRef(keys);
    SLOT(page, leaf_at.values) = Py_NewRef(values);
    SLOT(page, leaf_at.ordinals) = Py_NewRef(ordinals);
    SLOT(page, leaf_at.packed_keys) = Py_NewRef(packed[0]);
    SLOT(page, leaf_at.packed_sizes) = Py_NewRef(packed[1]);
    SLOT(page, leaf_at.packed_ordinals) = Py_NewRef(packed[2]);

done:
    Py_DECREF(keys);
    Py_XDECREF(sizes);
    Py_XDECREF(values);
    Py_XDECREF(ordinals);
    for (int part = 0; part < 3; part++)
        Py_XDECREF(packed[part]);
    return page;
}

/* decode_page(content, tail): the page, or None where it takes the Python to say what it is, or what is wrong. */
PyObject *
decode_page(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || Leaf == NULL || !PyBytes_CheckExact(args[0]) || !PyBytes_CheckExact(args[1]))
        return strange("an encoded page");
    Bytes bytes = {(const unsigned char *)PyBytes_AS_STRING(args[0]), PyBytes_GET_SIZE(args[0]), 4};
    if (bytes.size < bytes.at)
        Py_RETURN_NONE;
    int level = bytes.data[0], length = bytes.data[3]; /* of what all keys begin with: a varint, here of one byte */
    Py_ssize_t number = bytes.data[1] | bytes.data[2] << 8;
    if (level > MAX_LEVEL || number == 0 || length >= 0x80 || length > bytes.size - bytes.at)
        Py_RETURN_NONE;
    const unsigned char *shared = bytes.data + bytes.at;
    bytes.at += length;
    PyObject *page = NULL, *keys = NULL, *lengths = read_integers(&bytes, number);
    if (lengths != NULL)
        keys = read_pieces(&bytes, lengths, shared, length);
    Py_XDECREF(lengths);
    if (keys != NULL)
        page = level ? finish_inner(args[0], args[1], &bytes, level, keys) : finish_leaf(args[1], &bytes, keys);
    if (page != NULL || PyErr_Occurred())
        return page;
    Py_RETURN_NONE;
}
