#include "media/whole.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { BOXES_MAX = 100000, ELEMENTS_MAX = 300000, TS_PACKETS_CHECKED = 5 };

struct file {
    int fd;
    int64_t bytes;
};

static bool read_at(const struct file *file, int64_t offset, void *to, size_t length)
{
    return offset >= 0 && offset <= file->bytes - (int64_t)length &&
           pread(file->fd, to, length, offset) == (ssize_t)length;
}

static uint64_t big_endian(const uint8_t *bytes, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static uint32_t little_endian32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Size and type of a box (ISO 14496-12 4.2). */
struct box {
    uint64_t size; /* 0 = to the end of the file; below 8 = rubbish */
    char type[4];
    bool is_cut; /* the file ends inside its long size */
};

static bool read_box(const struct file *file, int64_t at, struct box *ret)
{
    uint8_t head[16];
    if (!read_at(file, at, head, 8)) {
        return false;
    }
    *ret = (struct box){.size = big_endian(head, 4)};
    memcpy(ret->type, head + 4, sizeof(ret->type));
    if (ret->size == 1) {
        ret->is_cut = !read_at(file, at + 8, head + 8, 8);
        ret->size = ret->is_cut ? 16 : big_endian(head + 8, 8);
    }
    return true;
}

static bool is_type(const struct box *box, const char *type)
{
    return memcmp(box->type, type, sizeof(box->type)) == 0;
}

/* Boxes one after the other. Fragmented files have no declared end unless an mfra closes them. */
static enum ftl_whole check_boxes(const struct file *file)
{
    int64_t at = 0;
    bool is_fragmented = false;
    bool is_closed = false;
    struct box box;
    for (int i = 0; i < BOXES_MAX && at < file->bytes; i++) {
        if (!read_box(file, at, &box) || (box.size < 8 && !box.is_cut)) {
            return FTL_WHOLE_UNKNOWN; /* to the end, or padding and rubbish after the boxes */
        }
        bool is_media = is_type(&box, "mdat") || is_type(&box, "moof") || is_type(&box, "moov");
        if (box.is_cut || box.size > (uint64_t)(file->bytes - at)) {
            return is_media ? FTL_WHOLE_CUT : FTL_WHOLE_UNKNOWN;
        }
        is_fragmented = is_fragmented || is_type(&box, "moof");
        is_closed = is_closed || is_type(&box, "mfra");
        at += (int64_t)box.size;
    }
    return is_fragmented && !is_closed ? FTL_WHOLE_UNKNOWN : FTL_WHOLE_YES;
}

/* An EBML number (RFC 8794): its length from the leading zeros, `keep_marker` for IDs. Returns
 * bytes used, 0 if there is none; all ones means unknown and gives UINT64_MAX. */
static int ebml_number(const struct file *file, int64_t at, bool keep_marker, uint64_t *ret)
{
    uint8_t bytes[8];
    if (!read_at(file, at, bytes, 1) || bytes[0] == 0) {
        return 0;
    }
    int length = 1;
    while (!(bytes[0] & (0x80 >> (length - 1)))) {
        length++;
    }
    if (!read_at(file, at, bytes, (size_t)length)) {
        return 0;
    }
    uint64_t value = big_endian(bytes, (size_t)length);
    uint64_t marker = (uint64_t)1 << (7 * length);
    if (!keep_marker) {
        value &= marker - 1;
        if (value == marker - 1) {
            value = UINT64_MAX;
        }
    }
    *ret = value;
    return length;
}

/* A live segment has no size, nor may its clusters: their children are walked. One that reaches
 * past the file's end was cut; ending between two is all that can be asked. */
static enum ftl_whole check_live(const struct file *file, int64_t at)
{
    /* SimpleBlock, BlockGroup, Timestamp, Cluster, Cues, Tags */
    static const uint64_t known[] = {0xa3, 0xa0, 0xe7, 0x1f43b675, 0x1c53bb6b, 0x1254c367};
    for (int i = 0; i < ELEMENTS_MAX && at < file->bytes; i++) {
        uint64_t id = 0;
        uint64_t size = 0;
        int id_length = ebml_number(file, at, true, &id);
        int size_length = id_length > 0 ? ebml_number(file, at + id_length, false, &size) : 0;
        if (size_length == 0) {
            return FTL_WHOLE_UNKNOWN;
        }
        at += id_length + size_length;
        if (size == UINT64_MAX) {
            continue;
        }
        if (size > (uint64_t)(file->bytes > at ? file->bytes - at : 0)) {
            bool is_known = false;
            for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
                is_known = is_known || id == known[k];
            }
            return is_known ? FTL_WHOLE_CUT : FTL_WHOLE_UNKNOWN;
        }
        at += (int64_t)size;
    }
    return FTL_WHOLE_UNKNOWN;
}

static enum ftl_whole check_ebml(const struct file *file)
{
    static const uint64_t segment_id = 0x18538067;
    int64_t at = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t id = 0;
        uint64_t size = 0;
        int id_length = ebml_number(file, at, true, &id);
        int size_length = id_length > 0 ? ebml_number(file, at + id_length, false, &size) : 0;
        if (size_length == 0) {
            return FTL_WHOLE_UNKNOWN;
        }
        at += id_length + size_length;
        if (size == UINT64_MAX) {
            return id == segment_id ? check_live(file, at) : FTL_WHOLE_UNKNOWN;
        }
        if (size > (uint64_t)(file->bytes - at)) {
            return id == segment_id ? FTL_WHOLE_CUT : FTL_WHOLE_UNKNOWN;
        }
        if (id == segment_id) {
            return FTL_WHOLE_YES;
        }
        at += (int64_t)size;
    }
    return FTL_WHOLE_UNKNOWN;
}

static enum ftl_whole check_riff(const struct file *file)
{
    uint8_t head[8];
    if (!read_at(file, 0, head, sizeof(head))) {
        return FTL_WHOLE_UNKNOWN;
    }
    uint32_t size = little_endian32(head + 4);
    if (size == 0 || size >= 0xffffff00) {
        return FTL_WHOLE_UNKNOWN; /* written as a stream, or larger than the field */
    }
    /* Writers disagree by a padding byte or a header about this number. */
    return (int64_t)size > file->bytes ? FTL_WHOLE_CUT : FTL_WHOLE_YES;
}

/* Packet length 188, 192 (4 bytes of time before each) or 204 (16 bytes of parity after). */
static enum ftl_whole check_ts(const struct file *file)
{
    static const struct {
        int length, sync;
    } kinds[] = {{188, 0}, {192, 4}, {204, 0}};
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        int matches = 0;
        for (int i = 0; i < TS_PACKETS_CHECKED; i++) {
            uint8_t sync = 0;
            int64_t at = (int64_t)i * kinds[kind].length + kinds[kind].sync;
            matches += read_at(file, at, &sync, 1) && sync == 0x47 ? 1 : 0;
        }
        if (matches == TS_PACKETS_CHECKED) {
            return file->bytes % kinds[kind].length != 0 ? FTL_WHOLE_CUT : FTL_WHOLE_UNKNOWN;
        }
    }
    return FTL_WHOLE_UNKNOWN;
}

/* RFC 3533: the last page of each stream carries the end flag. */
static enum ftl_whole check_ogg(const struct file *file)
{
    uint8_t tail[65536 + 1024];
    int64_t length = file->bytes < (int64_t)sizeof(tail) ? file->bytes : (int64_t)sizeof(tail);
    if (!read_at(file, file->bytes - length, tail, (size_t)length)) {
        return FTL_WHOLE_UNKNOWN;
    }
    for (int64_t at = length - 27; at >= 0; at--) {
        if (memcmp(tail + at, "OggS", 4) != 0 || tail[at + 4] != 0) {
            continue;
        }
        int64_t end = at + 27 + tail[at + 26];
        for (int i = 0; i < tail[at + 26] && at + 27 + i < length; i++) {
            end += tail[at + 27 + i];
        }
        if (end > length) {
            return FTL_WHOLE_CUT;
        }
        return tail[at + 5] & 4 ? FTL_WHOLE_YES : FTL_WHOLE_UNKNOWN;
    }
    return FTL_WHOLE_UNKNOWN;
}

static enum ftl_whole check_gif(const struct file *file)
{
    uint8_t last = 0;
    return read_at(file, file->bytes - 1, &last, 1) && last == 0x3b ? FTL_WHOLE_YES
                                                                    : FTL_WHOLE_UNKNOWN;
}

static enum ftl_whole check_png(const struct file *file)
{
    int64_t at = 8;
    for (int i = 0; i < BOXES_MAX; i++) {
        uint8_t head[8];
        if (!read_at(file, at, head, sizeof(head))) {
            return FTL_WHOLE_CUT;
        }
        int64_t end = at + 12 + (int64_t)big_endian(head, 4);
        if (end > file->bytes) {
            return FTL_WHOLE_CUT;
        }
        if (memcmp(head + 4, "IEND", 4) == 0) {
            return FTL_WHOLE_YES;
        }
        at = end;
    }
    return FTL_WHOLE_UNKNOWN;
}

static bool is_box_type(const uint8_t *type)
{
    static const char known[][5] = {"ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (memcmp(type, known[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

enum ftl_whole ftl_whole_check(int fd, int64_t file_bytes)
{
    static const uint8_t ebml[] = {0x1a, 0x45, 0xdf, 0xa3};
    static const uint8_t png[] = {0x89, 'P', 'N', 'G'};
    const struct file file = {.fd = fd, .bytes = file_bytes};
    uint8_t head[12];
    if (!read_at(&file, 0, head, sizeof(head))) {
        return FTL_WHOLE_UNKNOWN;
    }
    if (is_box_type(head + 4)) {
        return check_boxes(&file);
    }
    if (memcmp(head, ebml, sizeof(ebml)) == 0) {
        return check_ebml(&file);
    }
    if (memcmp(head, "RIFF", 4) == 0) {
        return check_riff(&file);
    }
    if (memcmp(head, "OggS", 4) == 0) {
        return check_ogg(&file);
    }
    if (memcmp(head, "GIF8", 4) == 0) {
        return check_gif(&file);
    }
    if (memcmp(head, png, sizeof(png)) == 0) {
        return check_png(&file);
    }
    return head[0] == 0x47 || head[4] == 0x47 ? check_ts(&file) : FTL_WHOLE_UNKNOWN;
}
