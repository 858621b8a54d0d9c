/* Rows encoded and hashed where the processor has them at hand: what `canonical` and `hashlib` do, in one pass.

   The rule of what a row's bytes are is that of canonical.py, to which tests hold this. Nothing here is needed: without
   it, and on processors without SHA instructions, importing it fails and Python does the same more slowly. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 32, BLOCK = 64, HEAD = 7 };
enum kind { NUMBER, BYTES, CODED, NUMBERS, TEXTS };

/* A column, as fields.py describes it: nine words of 64 bits, addresses among them. */
typedef struct {
    int64_t kind;
    int64_t tag;              /* three bytes, the first of the name's hash; -1: no tag and no length stand before it */
    const uint8_t *valid;     /* bitmap of what is not null; none where nothing is */
    int64_t bit;              /* where in it this column begins */
    const void *rows;         /* of each row: its number, where its bytes or elements begin, or its code */
    const void *items;        /* numbers of elements, or where texts begin, those of lists or those by codes */
    const uint8_t *bytes;
    const uint8_t *item_valid;
    int64_t item_bit;
} Column;

/* --- SHA-256 (FIPS 180-4) by the processor's instructions; two messages by turns, for one alone leaves them waiting --- */

static const uint32_t ROUNDS[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The state's words a to h lie as the instructions want them: f, e, b, a and h, g, d, c. */
static const uint32_t INITIAL[8] = {
    0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667, 0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372,
};
static const int PLACE[8] = {5, 4, 1, 0, 7, 6, 3, 2};

typedef struct { __m128i abef, cdgh, words[4]; } Lane;

#define SHA __attribute__((target("sha,sse4.1"), always_inline)) static inline

SHA void four_rounds(Lane *lane, const uint8_t *block, int step) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bULL, 0x0405060700010203ULL);
    __m128i *w = lane->words, word, added;
    if (step < 4) {
        word = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)block + step), swap);
    } else {
        __m128i last = w[(step + 3) & 3], before = w[(step + 2) & 3];
        word = _mm_sha256msg1_epu32(w[step & 3], w[(step + 1) & 3]);
        word = _mm_sha256msg2_epu32(_mm_add_epi32(word, _mm_alignr_epi8(last, before, 4)), last);
    }
    w[step & 3] = word;
    added = _mm_add_epi32(word, _mm_load_si128((const __m128i *)ROUNDS + step));
    lane->cdgh = _mm_sha256rnds2_epu32(lane->cdgh, lane->abef, added);
    lane->abef = _mm_sha256rnds2_epu32(lane->abef, lane->cdgh, _mm_shuffle_epi32(added, 0x0e));
}

SHA void compress(uint32_t (*states)[8], const uint8_t *const *blocks, int lanes) {
    Lane lane[2];
    for (int i = 0; i < lanes; i++) {
        lane[i].abef = _mm_loadu_si128((const __m128i *)states[i]);
        lane[i].cdgh = _mm_loadu_si128((const __m128i *)states[i] + 1);
    }
#pragma GCC unroll 16
    for (int step = 0; step < 16; step++)
        for (int i = 0; i < lanes; i++)
            four_rounds(&lane[i], blocks[i], step);
    for (int i = 0; i < lanes; i++) {
        __m128i *state = (__m128i *)states[i];
        _mm_storeu_si128(state, _mm_add_epi32(_mm_loadu_si128(state), lane[i].abef));
        _mm_storeu_si128(state + 1, _mm_add_epi32(_mm_loadu_si128(state + 1), lane[i].cdgh));
    }
}

/* Pad a message as SHA-256 wants it; return how many blocks it has. */
static size_t pad(uint8_t *message, const uint8_t *end) {
    size_t length = end - message, blocks = (length + 8) / BLOCK + 1;
    uint64_t bits = __builtin_bswap64((uint64_t)length * 8);
    message[length] = 0x80;
    memset(message + length + 1, 0, blocks * BLOCK - 8 - length - 1);
    memcpy(message + blocks * BLOCK - 8, &bits, 8);
    return blocks;
}

/* Hash one or two messages that have room for their padding. */
__attribute__((target("sha,sse4.1")))
static void hash(uint8_t *const *messages, uint8_t *const *ends, int count, uint8_t *out) {
    uint32_t states[2][8];
    size_t blocks[2] = {0, 0};
    for (int i = 0; i < count; i++) {
        blocks[i] = pad(messages[i], ends[i]);
        memcpy(states[i], INITIAL, SIZE);
    }
    size_t both = blocks[0] < blocks[1] ? blocks[0] : blocks[1];
    for (size_t b = 0; b < both; b++) {
        const uint8_t *here[2] = {messages[0] + b * BLOCK, messages[1] + b * BLOCK};
        compress(states, here, 2);
    }
    for (int i = 0; i < count; i++) {
        for (size_t b = both; b < blocks[i]; b++) {
            const uint8_t *here = messages[i] + b * BLOCK;
            compress(&states[i], &here, 1);
        }
        for (int word = 0; word < 8; word++) {
            uint32_t found = __builtin_bswap32(states[i][word]);
            memcpy(out + i * SIZE + PLACE[word] * 4, &found, 4);
        }
    }
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static inline int is_valid(const uint8_t *bits, int64_t place) {
    return bits == NULL || (bits[place >> 3] >> (place & 7)) & 1;
}

static inline void copy(uint8_t *to, const uint8_t *from, size_t length) {
    if (length > 32) {
        memcpy(to, from, length);
    } else if (length >= 16) { /* most fields are short: no call for them */
        memcpy(to, from, 16);
        memcpy(to + length - 16, from + length - 16, 16);
    } else if (length >= 8) {
        memcpy(to, from, 8);
        memcpy(to + length - 8, from + length - 8, 8);
    } else {
        for (size_t at = 0; at < length; at++)
            to[at] = from[at];
    }
}

static inline uint8_t *put_bytes(uint8_t *to, const int32_t *offsets, const uint8_t *bytes, int64_t place) {
    size_t length = offsets[place + 1] - offsets[place];
    copy(to, bytes + offsets[place], length);
    return to + length;
}

static inline uint8_t *put_number(uint8_t *to, const uint64_t *numbers, int64_t place) {
    uint64_t number = __builtin_bswap64(numbers[place]);
    memcpy(to, &number, 8);
    return to + 8;
}

static inline void put_length(uint8_t *to, uint32_t length) {
    length = __builtin_bswap32(length);
    memcpy(to, &length, 4);
}

static uint8_t *put_elements(uint8_t *to, const Column *column, int64_t row) {
    const int32_t *ends = column->rows;
    for (int64_t place = ends[row]; place < ends[row + 1]; place++) {
        if (column->kind == NUMBERS) {
            to = put_number(to, column->items, place);
        } else if (is_valid(column->item_valid, place + column->item_bit)) {
            uint8_t *end = put_bytes(to + 4, column->items, column->bytes, place);
            put_length(to, (uint32_t)(end - to - 4));
            to = end;
        } else {
            put_length(to, UINT32_MAX);
            to += 4;
        }
    }
    return to;
}

/* Append a row's fields that are not null; return the end. */
static uint8_t *encode(uint8_t *to, const Column *columns, size_t count, int64_t row) {
    for (const Column *column = columns; column < columns + count; column++) {
        if (!is_valid(column->valid, row + column->bit))
            continue;
        int64_t code = column->kind == CODED ? ((const int32_t *)column->rows)[row] : 0;
        if (column->kind == CODED && !is_valid(column->item_valid, code + column->item_bit))
            continue;
        uint8_t *start = column->tag < 0 ? to : to + HEAD, *end;
        if (column->kind == NUMBER)
            end = put_number(start, column->rows, row);
        else if (column->kind == BYTES)
            end = put_bytes(start, column->rows, column->bytes, row);
        else if (column->kind == CODED)
            end = put_bytes(start, column->items, column->bytes, code);
        else
            end = put_elements(start, column, row);
        if (start != to) {
            memcpy(to, &column->tag, 3);
            put_length(to + 3, (uint32_t)(end - start));
        }
        to = end;
    }
    return to;
}

static PyObject *hash_rows(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer columns, found;
    Py_ssize_t longest;
    if (!PyArg_ParseTuple(arguments, "y*nw*", &columns, &longest, &found))
        return NULL;
    size_t count = columns.len / sizeof(Column), room = longest + 2 * BLOCK;
    int64_t rows = found.len / SIZE;
    uint8_t *scratch = malloc(2 * room);
    if (scratch != NULL) {
        Py_BEGIN_ALLOW_THREADS
        for (int64_t row = 0; row < rows; row += 2) {
            uint8_t *messages[2] = {scratch, scratch + room}, *ends[2] = {NULL, NULL};
            int lanes = row + 1 < rows ? 2 : 1;
            for (int i = 0; i < lanes; i++)
                ends[i] = encode(messages[i], columns.buf, count, row + i);
            hash(messages, ends, lanes, (uint8_t *)found.buf + row * SIZE);
        }
        Py_END_ALLOW_THREADS
        free(scratch);
    }
    PyBuffer_Release(&columns);
    PyBuffer_Release(&found);
    if (scratch == NULL)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static int can_run(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1);
}

static PyMethodDef METHODS[] = {
    {"hash_rows", hash_rows, METH_VARARGS, "Put the SHA-256 of each row of some columns into a buffer."},
    {NULL, NULL, 0, NULL},
};
#else
static int can_run(void) { return 0; }
static PyMethodDef METHODS[] = {{NULL, NULL, 0, NULL}};
#endif

static int start(PyObject *Py_UNUSED(module)) {
    if (can_run())
        return 0;
    PyErr_SetString(PyExc_ImportError, "this processor has no SHA instructions that are used here");
    return -1;
}

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, start}, {0, NULL}};
static PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "kernel", NULL, 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_kernel(void) { return PyModuleDef_Init(&MODULE); }
