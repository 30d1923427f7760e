/* Which pictures of a command line this process draws, and what it wrote: --shard and --json of `ringside draw`.
 *
 * Idea: the pieces of work are numbered from 1, guests or, of one guest, frames; whoever is about to make one asks whose it is, and what is written is
 * noted where every diagram goes out (picture_put). So a shard's pictures are the same files as those of one run, and no kind of diagram knows of shards. */
#ifndef SIM_PICTURE_DEAL_H
#define SIM_PICTURE_DEAL_H

#include "sim/options.h"

/* From now on frames are dealt: every Nth is ours (`shards`), from the Ith on (`shard`); 1, 1: all are. `piece`: the number of what is drawn next,
 * whatever files that takes; 0: each frame is a piece. Forgets what was noted. */
void picture_deal(unsigned shard, unsigned shards, unsigned piece);
/* The next frame: is it ours? */
bool picture_turn(void);
/* A file was written. */
void picture_note(const char *path, const struct text *bytes);
/* Adds what was noted since picture_deal, as objects of the array that sim/merge.c joins; ends with ",". `of`: whose pictures; `error`: "" or what went wrong. */
void picture_noted(const char *of, const char *error, struct text *out);

#endif
