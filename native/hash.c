/* The hash that names a content: hashlib computes it, here it is only asked without a detour. */

#include "native.h"

static PyObject *known_function, *known_hashers; /* hash_content(), and the state that each kind begins with */
static PyObject *name_copy, *name_update, *name_digest;

/* know_hash(hash_content, hashers): what hash_content() does may be done here from now on.

   A function that stands in for it, as in a test that counts, is called. */
PyObject *
know_hash(PyObject *module, PyObject *args)
{
    PyObject *function, *hashers;
    if (!PyArg_ParseTuple(args, "OO!", &function, &PyDict_Type, &hashers))
        return NULL;
    name_copy = PyUnicode_InternFromString("copy");
    name_update = PyUnicode_InternFromString("update");
    name_digest = PyUnicode_InternFromString("digest");
    if (name_copy == NULL || name_update == NULL || name_digest == NULL)
        return NULL;
    known_function = Py_NewRef(function);
    known_hashers = Py_NewRef(hashers);
    Py_RETURN_NONE;
}

PyObject *
hash_object(PyObject *hash_content, PyObject *kind, PyObject *content)
{
    PyObject *digest = NULL, *hasher = NULL;
    if (hash_content == known_function)
        hasher = PyDict_GetItemWithError(known_hashers, kind);
    if (hasher != NULL) {
        PyObject *state = PyObject_CallMethodNoArgs(hasher, name_copy);
        PyObject *none = state == NULL ? NULL : PyObject_CallMethodOneArg(state, name_update, content);
        digest = none == NULL ? NULL : PyObject_CallMethodNoArgs(state, name_digest);
        Py_XDECREF(none);
        Py_XDECREF(state);
    }
    else if (!PyErr_Occurred()) {
        PyObject *named[] = {kind, content};
        digest = PyObject_Vectorcall(hash_content, named, 2, NULL);
    }
    if (digest != NULL && (!PyBytes_CheckExact(digest) || PyBytes_GET_SIZE(digest) != HASH_BYTES)) {
        Py_DECREF(digest);
        return strange("a hash");
    }
    return digest;
}
