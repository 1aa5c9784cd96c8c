/* A disk that fails at a chosen moment, for compilers and compiled programs: loaded into them with LD_PRELOAD.
 *
 * Each opening of an ordinary file to write, write, closing, renaming, removal and fsync by a program is one call, and
 * the calls of all programs are counted together. At the moment the program is killed in the middle of a write, or the
 * call fails; a full disk takes no more data from then on. Streams of the C library do not call write() where it
 * could be watched, so fopen() gives streams that do.
 *
 * DISK_CALLS: file that holds the count and what was called. DISK_FAULT: number of an error, 0 for none, -1 to kill.
 * DISK_MOMENT: number of the call that fails, from 1. DISK_SPARES: name of a program that is left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define KILL (-1)
#define LAST 65535
#define STREAMS 1024
#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static struct { atomic_long calls; char what[LAST + 1][32]; } *disk;
static int fault;
static long moment;
static struct { FILE *stream; int file; } streams[STREAMS];

static FILE *watched(int file, const char *mode);

static int ordinary(int file)
{
    struct stat found;
    return file >= 0 && !fstat(file, &found) && S_ISREG(found.st_mode);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DISK_CALLS"), *spared = getenv("DISK_SPARES");
    if (!path || (spared && !strncmp(program_invocation_short_name, spared, strlen(spared))))
        return;
    int file = REAL(open)(path, O_RDWR);
    void *memory = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    fault = atoi(getenv("DISK_FAULT"));
    moment = atol(getenv("DISK_MOMENT"));
    disk = memory == MAP_FAILED ? NULL : memory;
    if (ordinary(1))
        stdout = watched(1, "w");
}

/* Count a call: 0, the error that it ends with, or KILL. */
static int counted(const char *what)
{
    if (!disk)
        return 0;
    long call = atomic_fetch_add(&disk->calls, 1) + 1;
    if (call <= LAST)
        snprintf(disk->what[call], sizeof disk->what[call], "%s %s", program_invocation_short_name, what);
    if (call == moment)
        return fault;
    int takes_data = !strcmp(what, "open") || !strcmp(what, "write") || !strcmp(what, "fsync");
    return fault == ENOSPC && moment && call > moment && takes_data ? fault : 0;
}

static int stop(int found)
{
    if (found == KILL)
        kill(getpid(), SIGKILL);
    errno = found;
    return -1;
}

/* --- calls ----------------------------------------------------------------------------------------------------- */

static int opened(int folder, const char *path, int flags, mode_t mode)
{
    struct stat found;
    int writes = (flags & O_ACCMODE) != O_RDONLY && (fstatat(folder, path, &found, 0) || S_ISREG(found.st_mode));
    int failure = writes ? counted("open") : 0;
    return failure ? stop(failure) : REAL(openat)(folder, path, flags, mode);
}

#define MODE(flags) ({ va_list rest; va_start(rest, flags); int given = va_arg(rest, int); va_end(rest); given; })
int open(const char *path, int flags, ...) { return opened(AT_FDCWD, path, flags, MODE(flags)); }
int open64(const char *path, int flags, ...) { return opened(AT_FDCWD, path, flags | O_LARGEFILE, MODE(flags)); }
int openat(int folder, const char *path, int flags, ...) { return opened(folder, path, flags, MODE(flags)); }
int openat64(int folder, const char *path, int flags, ...) { return opened(folder, path, flags, MODE(flags)); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

ssize_t write(int file, const void *data, size_t size)
{
    int failure = ordinary(file) ? counted("write") : 0;
    ssize_t done = REAL(write)(file, data, failure ? size / 2 : size);
    return failure ? stop(failure) : done;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    int failure = ordinary(file) ? counted("write") : 0;
    ssize_t done = REAL(writev)(file, parts, failure ? count / 2 : count);
    return failure ? stop(failure) : done;
}

#define FAILS(name, what, parameters, arguments) \
    int name parameters { int failure = counted(what); return failure ? stop(failure) : REAL(name) arguments; }
FAILS(rename, "rename", (const char *from, const char *to), (from, to))
FAILS(unlink, "unlink", (const char *path), (path))
FAILS(unlinkat, "unlink", (int folder, const char *path, int flags), (folder, path, flags))
FAILS(fsync, "fsync", (int file), (file))
FAILS(fdatasync, "fsync", (int file), (file))
FAILS(mkstemps, "open", (char *path, int suffix), (path, suffix))
FAILS(mkstemps64, "open", (char *path, int suffix), (path, suffix))

/* --- streams --------------------------------------------------------------------------------------------------- */

static ssize_t stream_read(void *file, char *data, size_t size) { return read((long) file, data, size); }

static ssize_t stream_write(void *file, const char *data, size_t size)
{
    ssize_t done = write((long) file, data, size);
    return done < 0 ? 0 : done;
}

static int stream_seek(void *file, off64_t *place, int whence)
{
    *place = lseek64((long) file, *place, whence);
    return *place < 0 ? -1 : 0;
}

static int stream_close(void *file)
{
    for (int k = 0; k < STREAMS; k++)
        if (streams[k].stream && streams[k].file == (long) file)
            streams[k].stream = NULL;
    int failure = counted("close"), closed = close((long) file);
    return failure ? stop(failure) : closed;
}

static FILE *watched(int file, const char *mode)
{
    cookie_io_functions_t calls = {stream_read, stream_write, stream_seek, stream_close};
    FILE *stream = fopencookie((void *) (long) file, mode, calls);
    for (int k = 0; k < STREAMS; k++)
        if (stream && !streams[k].stream)
        {
            streams[k].stream = stream;
            streams[k].file = file;
            return stream;
        }
    abort();
}

FILE *fopen(const char *path, const char *mode)
{
    if (!disk || !strpbrk(mode, "wa+"))
        return REAL(fopen)(path, mode);
    int flags = mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT | O_APPEND : 0;
    int file = opened(AT_FDCWD, path, flags | (strchr(mode, '+') ? O_RDWR : O_WRONLY), 0666);
    return file < 0 ? NULL : watched(file, mode);
}

FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }

FILE *fdopen(int file, const char *mode)
{
    return disk && strpbrk(mode, "wa+") && ordinary(file) ? watched(file, mode) : REAL(fdopen)(file, mode);
}

int fileno(FILE *stream)
{
    for (int k = 0; k < STREAMS; k++)
        if (streams[k].stream == stream && stream)
            return streams[k].file;
    return REAL(fileno)(stream);
}
