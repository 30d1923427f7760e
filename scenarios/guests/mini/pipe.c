// Pipes: a page of bytes between two processes.
//
// Idea: a reader sleeps while there is nothing, a writer while there is no room. When the last writer is gone a reader sees
// the end; when the last reader is gone a writer is told.
#include "mini/kernel.h"

enum { PIPES = 16 };

struct pipe {
    uint8_t *bytes; // a frame; NULL: not in use
    uint32_t read, written; // free-running
    uint32_t readers, writers;
};

static struct pipe pipes[PIPES];

int pipe_new(struct file *ends[2])
{
    struct pipe *p = pipes;
    while (p < pipes + PIPES && p->bytes) p++;
    uint32_t frame = p < pipes + PIPES ? frame_new() : 0;
    if (!frame) return E_NOMEM;
    ends[0] = file_new(TYPE_PIPE, O_READ);
    ends[1] = ends[0] ? file_new(TYPE_PIPE, O_WRITE) : NULL;
    if (!ends[1]) {
        if (ends[0]) ends[0]->kind = TYPE_FREE;
        frame_drop(frame);
        return E_MFILE;
    }
    *p = (struct pipe){ .bytes = physical_to_kernel(frame), .readers = 1, .writers = 1 };
    ends[0]->pipe = ends[1]->pipe = p;
    return 0;
}

void pipe_close(struct pipe *p, bool writer)
{
    irq_state saved = critical_enter();
    if (writer) p->writers--;
    else p->readers--;
    sched_wake(p);
    critical_leave(saved);
    if (p->readers || p->writers) return;
    frame_drop(kernel_to_physical(p->bytes));
    p->bytes = NULL;
}

int pipe_read(struct pipe *p, void *memory, uint32_t size)
{
    uint8_t *to = memory;
    uint32_t n = 0;
    irq_state saved = critical_enter();
    while (p->read == p->written && p->writers && !current->killed) sched_sleep(p);
    for (; n < size && p->read != p->written; n++) to[n] = p->bytes[p->read++ % PAGE];
    sched_wake(p);
    critical_leave(saved);
    return (int)n;
}

int pipe_write(struct pipe *p, const void *memory, uint32_t size)
{
    const uint8_t *from = memory;
    uint32_t n = 0;
    irq_state saved = critical_enter();
    while (n < size && p->readers && !current->killed) {
        for (; n < size && p->written - p->read < PAGE; n++) p->bytes[p->written++ % PAGE] = from[n];
        sched_wake(p);
        if (n < size) sched_sleep(p);
    }
    critical_leave(saved);
    return n < size ? E_PIPE : (int)n;
}
