/* The inner loops of treering in C: optional, and to the byte what the Python beside them does.

   Each function here has its twin in Python, which is the one to read first: `Place` (merkle/place.py), `Batch.put` and
   `Batch.put_path` (store/batch.py), `decode_page` (objects/page.py). Without this module nothing is missing but speed;
   docs/decisions/0015-loops-in-c.md says what it is worth, tests/native what keeps the two the same.

   What is seldom met is left to Python: a function gives None, or stops where it is, and its twin goes on from there.
   Nothing that was read from a store is trusted: every length is compared with the bytes there are.

   The slots of treering's own classes are read where they lie, at offsets that are taken from the classes once, when
   they are made known. That is done for objects of exactly these classes only. */

#ifndef TREERING_NATIVE_H
#define TREERING_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define VERSION 1 /* of what the functions take and give: objects/native.py takes no other */

#define HASH_BYTES 32
#define LOCATION_BYTES 16
#define COUNTER_BYTES 6
#define HEADER_BYTES 6 /* of a frame: kind, codec, length of the content */
#define CHECKSUM_BYTES 4
#define MAX_LEVEL 63
#define EMBED_BYTES 512    /* a page or node up to this size stands inside its parent */
#define LARGE_BYTES 65536  /* objects beyond this are sealed in Python, which knows the limit */
#define OVERHEAD_BYTES 600 /* what a decoded object takes beside its bytes: store/cache.py */

/* module.c: treering's classes, and where their slots are */

extern PyTypeObject *Leaf, *Inner, *Index, *Batch, *Cache, *Pointer;
extern PyObject *nothing_fresh, *crc32, *page_kind, *no_bytes;
extern PyObject *name_replace, *name_with_count, *name_cache, *name_encode;

extern struct leaf_slots {
    Py_ssize_t keys, values, ordinals, packed_keys, packed_ordinals, packed_sizes;
} leaf_at;
extern struct inner_slots {
    Py_ssize_t content, fresh, index, keys, locations;
} inner_at;
extern struct batch_slots {
    Py_ssize_t cache, codec, counter, prefix, entries;
} batch_at;
extern struct cache_slots {
    Py_ssize_t young, bytes;
} cache_at;

#define SLOT(object, at) (*(PyObject **)((char *)(object) + (at)))

/* What is not as it always is: no more than a bug of ours, but it must not end in a crash. Raises TypeError. */
PyObject *strange(const char *what);

static inline int
is_bytes(PyObject *object)
{
    return object != NULL && PyBytes_CheckExact(object);
}

static inline int
is_tuple(PyObject *object)
{
    return object != NULL && PyTuple_CheckExact(object);
}

/* pages.c */

/* Where the hashes begin in an inner page that is as it should be and has this index; -1: it is not, or has not. */
Py_ssize_t hashes_of(PyObject *page, Py_ssize_t index);

/* A tuple of a class of ours, to be filled in. */
PyObject *make_tuple(PyTypeObject *type, Py_ssize_t number);

/* An inner page of which everything is given, with nothing fresh. Takes over no reference. */
PyObject *make_inner(PyObject *index, PyObject *keys, PyObject *content, PyObject *locations);

/* hash.c */

/* hash_content() of objects/frame.py: what it does, where it is that very function, or what it says. Checked. */
PyObject *hash_object(PyObject *hash_content, PyObject *kind, PyObject *content);

/* write.c */

/* The checksum that a frame ends with: over the location, the header, the hash and the tail. -1: an error was raised. */
int checksum(const unsigned char *header, PyObject *location, PyObject *digest, PyObject *tail, uint32_t *check);

/* The functions of the module */

PyObject *know_hash(PyObject *module, PyObject *args);
PyObject *descend(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *with_count(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *with_value(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *cuts(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *encode_leaves(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *pack_keys(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *unseal(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *decode_page(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *put(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *put_path(PyObject *module, PyObject *const *args, Py_ssize_t count);

#endif
