// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much fits: buffers of the sizes that drivers ask for, come and go
 *
 * A trace is made from a seed alone. It allocates a random buffer of its mix
 * as long as what is asked for stays within the load, and otherwise frees a
 * random one. A refused buffer counts as held until the trace frees it, so the
 * same trace can be replayed on any allocator. Nothing here is timed.
 */

#include <linux/dma-coherent.h>
#include <linux/dma-mapping.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include "dma-coherent-bench.h"

#define CHURN_BYTES	SZ_256M
#define CHURN_STEPS	20000
#define CHURN_SLOTS	(CHURN_BYTES / SZ_4K)

/* Sizes as drivers ask for them: tools/bench/README.md names each. */

struct frame {
	u16 width;
	u16 height;
};

static const struct frame display_frames[] = {
	{  640,  480 }, {  800,  480 }, {  800,  600 }, { 1024,  600 },
	{ 1024,  768 }, { 1280,  720 }, { 1280,  800 }, { 1366,  768 },
	{ 1440,  900 }, { 1600,  900 }, { 1680, 1050 }, { 1920, 1080 },
	{ 1920, 1200 }, { 2560, 1440 }, { 3840, 2160 },
};

static const struct frame raw_frames[] = {
	{  640,  480 }, { 1280,  720 }, { 1920, 1080 }, { 2592, 1944 },
	{ 3280, 2464 }, { 4056, 3040 },
};

static const struct frame nv12_frames[] = {
	{  640,  480 }, { 1280,  720 }, { 1920, 1080 }, { 2592, 1944 },
	{ 3840, 2160 },
};

static const u32 camera_metadata[] = { 260, 3048, 39328, 125664 };

static const struct frame codec_frames[] = {
	{ 1920, 1088 }, { 1280,  720 }, {  864,  480 },
};

static const u32 codec_bitstreams[] = {
	SZ_512K, 768 * SZ_1K, SZ_1M, 1536 * SZ_1K, SZ_2M,
};

/* Bytes a descriptor where a ring's length is no power of two. */
static const u32 ring_descriptors[] = { 12, 20, 24, 40, 48, 56 };

static u32 pick(struct rnd_state *rnd, const u32 *sizes, u32 count)
{
	return sizes[bench_below(rnd, count)];
}

static u32 frame_bytes(struct frame frame, u32 bits)
{
	return frame.width * frame.height * bits / 8;
}

static u32 display_size(struct rnd_state *rnd)
{
	u32 n = bench_below(rnd, 2 * ARRAY_SIZE(display_frames));

	return frame_bytes(display_frames[n / 2], n % 2 ? 16 : 32);
}

static u32 camera_size(struct rnd_state *rnd)
{
	u32 raws = 2 * ARRAY_SIZE(raw_frames), nv12s = ARRAY_SIZE(nv12_frames);
	u32 n = bench_below(rnd, raws + nv12s + ARRAY_SIZE(camera_metadata));

	if (n < raws)
		return frame_bytes(raw_frames[n / 2], n % 2 ? 12 : 10);
	n -= raws;
	if (n < nv12s)
		return frame_bytes(nv12_frames[n], 12);
	return camera_metadata[n - nv12s];
}

/* NV12, and 64 bytes for the motion vectors of each 16x16 pixels, and 32. */
static u32 reference_bytes(struct frame frame)
{
	return frame_bytes(frame, 12) + frame.width * frame.height / 4 + 32;
}

/* A third each: references, bitstreams, metadata of 4 to 64 KiB. */
static u32 codec_size(struct rnd_state *rnd)
{
	u32 n;

	switch (bench_below(rnd, 3)) {
	case 0:
		n = bench_below(rnd, ARRAY_SIZE(codec_frames));
		return reference_bytes(codec_frames[n]);
	case 1:
		return pick(rnd, codec_bitstreams, ARRAY_SIZE(codec_bitstreams));
	}
	return SZ_4K + bench_below(rnd, 60 * SZ_1K / 64 + 1) * 64;
}

/*
 * A third each, 4 KiB to 1 MiB: powers of two; the same with a word behind the
 * ring that the device writes its head to; descriptors of an odd size.
 */
static u32 ring_size(struct rnd_state *rnd)
{
	u32 kind = bench_below(rnd, 3), bytes;

	if (kind < 2)
		return (SZ_4K << bench_below(rnd, 9)) + kind * sizeof(u32);
	do {
		bytes = pick(rnd, ring_descriptors, ARRAY_SIZE(ring_descriptors));
		bytes <<= 6 + bench_below(rnd, 10);
	} while (bytes < SZ_4K || bytes > SZ_1M);
	return bytes;
}

static const struct churn_mix {
	const char *name;
	u32 (*size)(struct rnd_state *rnd);
} mixes[] = {
	{ "display", display_size },
	{ "camera", camera_size },
	{ "codec", codec_size },
	{ "rings", ring_size },
};

static_assert(ARRAY_SIZE(mixes) == BENCH_MIXES);

/* What a trace does in one step: allocate @bytes as @slot, or free it for 0. */
struct churn_step {
	u32 slot;
	u32 bytes;
};

struct churn_trace {
	struct churn_step step[CHURN_STEPS];
	u32 bytes[CHURN_SLOTS];		/* of each live slot, while it is made */
	u32 live[CHURN_SLOTS];		/* live slots, then the free ones */
	void *addr[CHURN_SLOTS];	/* of each slot, while it is replayed */
};

/* @most: bytes that it holds at once. */
static void make_trace(struct churn_trace *trace, const struct churn_mix *mix,
		       u64 most, u64 seed)
{
	struct rnd_state rnd;
	u64 held = 0;
	u32 i, n, bytes, slot, count = 0;

	bench_seed(&rnd, seed);
	for (i = 0; i < CHURN_SLOTS; i++)
		trace->live[i] = i;
	for (n = 0; n < CHURN_STEPS; n++) {
		bytes = mix->size(&rnd);
		if (held + bytes <= most && count < CHURN_SLOTS) {
			slot = trace->live[count++];
			held += bytes;
			trace->bytes[slot] = bytes;
		} else {
			i = bench_below(&rnd, count);
			slot = trace->live[i];
			held -= trace->bytes[slot];
			trace->live[i] = trace->live[--count];
			trace->live[count] = slot;
			bytes = 0;
		}
		trace->step[n] = (struct churn_step) { slot, bytes };
	}
}

/* One of the allocators; addresses of ours are page numbers from 1 on. */
struct churn_side {
	struct dma_coherent_pool *ours;
	struct dma_coherent_mem *mainline;
	struct bench_genalloc *genalloc;
	struct bench_drm *drm;
};

/* The columns that are replayed. */
static const enum bench_column columns[] = {
	BENCH_OURS, BENCH_MAINLINE, BENCH_GENALLOC, BENCH_DRM,
};

static bool side_create(struct churn_side *side, enum bench_column column,
			unsigned int max_align_order)
{
	unsigned long pages = BENCH_PAGES(CHURN_BYTES);

	*side = (struct churn_side) { };
	if (column == BENCH_OURS)
		side->ours = bench_pool_create(pages, max_align_order);
	else if (column == BENCH_MAINLINE)
		side->mainline = bench_mainline_create(pages, NULL);
	else if (column == BENCH_GENALLOC)
		side->genalloc = bench_genalloc_create(pages, max_align_order);
	else
		side->drm = bench_drm_create(pages, max_align_order, CHURN_SLOTS);
	return side->mainline || side->ours || side->genalloc || side->drm;
}

static void side_destroy(struct churn_side *side)
{
	if (side->ours)
		bench_pool_destroy(side->ours);
	if (side->mainline)
		bench_mainline_destroy(side->mainline);
	if (side->genalloc)
		bench_genalloc_destroy(side->genalloc);
	if (side->drm)
		bench_drm_destroy(side->drm);
}

static void *side_alloc(struct churn_side *side, u32 slot, u32 bytes)
{
	long page;

	if (side->mainline)
		return bench_mainline_alloc(side->mainline, bytes);
	if (side->genalloc)
		return (void *)bench_genalloc_alloc(side->genalloc, PFN_UP(bytes));
	if (side->drm)
		return bench_drm_alloc(side->drm, slot, PFN_UP(bytes)) ? side : NULL;
	page = dma_coherent_pool_alloc(side->ours, PFN_UP(bytes), ULONG_MAX);
	return page < 0 ? NULL : (void *)(page + 1);
}

static void side_free(struct churn_side *side, u32 slot, u32 bytes, void *addr)
{
	if (side->mainline)
		bench_mainline_free(side->mainline, bytes, addr);
	else if (side->genalloc)
		bench_genalloc_free(side->genalloc, (unsigned long)addr, PFN_UP(bytes));
	else if (side->drm)
		bench_drm_free(side->drm, slot);
	else
		dma_coherent_pool_free(side->ours, (unsigned long)addr - 1);
}

struct churn_result {
	u64 asked;
	u64 refused;
	u64 first;	/* bytes held when one was first refused, summed */
};

static int replay(struct churn_trace *trace, enum bench_column column,
		  unsigned int max_align_order, u64 most,
		  struct churn_result *result)
{
	u64 held = 0, first = most;
	struct churn_side side;
	bool refused = false;
	u32 n;

	if (!side_create(&side, column, max_align_order))
		return -ENOMEM;
	for (n = 0; n < CHURN_STEPS; n++) {
		struct churn_step step = trace->step[n];
		void **addr = &trace->addr[step.slot];
		u32 *bytes = &trace->bytes[step.slot];

		if (!step.bytes) {
			held -= *bytes;
			if (*addr)
				side_free(&side, step.slot, *bytes, *addr);
			continue;
		}
		*addr = side_alloc(&side, step.slot, step.bytes);
		if (!*addr && !refused)
			first = held;
		refused |= !*addr;
		*bytes = step.bytes;
		held += step.bytes;
		result->asked += step.bytes;
		result->refused += *addr ? 0 : step.bytes;
	}
	result->first += first;
	side_destroy(&side);
	return 0;
}

const char *bench_mix_name(unsigned int mix)
{
	return mixes[mix].name;
}

/* Every so often, the cleaner gets to run. */
#define SETTLE_STEPS	16

static void replay_hooks(struct churn_trace *trace, struct device *dev,
			 void (*settle)(struct device *dev), dma_addr_t *place)
{
	u32 n;

	for (n = 0; n < BENCH_PLACES; n++) {
		struct churn_step step = trace->step[n];
		void **addr = &trace->addr[step.slot];

		if (settle && n % SETTLE_STEPS == 0)
			settle(dev);
		place[n] = 0;
		if (step.bytes)
			dma_alloc_from_coherent_attrs(dev, step.bytes, &place[n], addr,
						      0, DMA_ATTR_NO_WARN);
		else if (*addr)
			dma_release_from_coherent(dev, get_order(trace->bytes[step.slot]),
						  *addr);
		if (!step.bytes)
			*addr = NULL;
		trace->bytes[step.slot] = step.bytes;
	}
	for (n = 0; n < CHURN_SLOTS; n++)
		if (trace->addr[n])
			dma_release_from_coherent(dev, get_order(trace->bytes[n]),
						  trace->addr[n]);
}

int bench_find_places(struct device *dev, unsigned int mix, u32 pool_bytes,
		      void (*settle)(struct device *dev),
		      dma_addr_t place[BENCH_PLACES])
{
	struct churn_trace *trace = kvzalloc(sizeof(*trace), GFP_KERNEL);

	if (!trace)
		return -ENOMEM;
	make_trace(trace, &mixes[mix], pool_bytes / 10 * 8, 1);
	replay_hooks(trace, dev, settle, place);
	kvfree(trace);
	return 0;
}

static void print_churn(const char *name, const struct churn_result *result,
			unsigned int seeds)
{
	u64 refused[BENCH_COLUMNS] = BENCH_NO_VALUES;
	u64 first[BENCH_COLUMNS] = BENCH_NO_VALUES;
	unsigned int n, column;

	for (n = 0; n < ARRAY_SIZE(columns); n++) {
		column = columns[n];
		refused[column] = div64_u64(result[column].refused * 1000,
					    result[column].asked / 1000);
		first[column] = div64_u64(result[column].first * 100 * 1000,
					  (u64)CHURN_BYTES * seeds);
	}
	bench_print("churn", name, refused, "per_mille");
	bench_print("churn_first", name, first, "percent");
}

/* Mainline has no limit to its alignment, and the same result with any. */
static int churn_case(struct churn_trace *trace, const struct churn_mix *mix,
		      unsigned int load, unsigned int max_align_order,
		      const char *suffix, unsigned int seeds)
{
	struct churn_result result[BENCH_COLUMNS] = { };
	u64 most = div_u64((u64)CHURN_BYTES * load, 100);
	unsigned int seed, n;
	char name[48];
	int ret;

	for (seed = 1; seed <= seeds; seed++) {
		make_trace(trace, mix, most, seed);
		for (n = 0; n < ARRAY_SIZE(columns); n++) {
			ret = replay(trace, columns[n], max_align_order, most,
				     &result[columns[n]]);
			if (ret)
				return ret;
		}
	}
	snprintf(name, sizeof(name), "%s@%u%%%s", mix->name, load, suffix);
	print_churn(name, result, seeds);
	return 0;
}

static void fits_case(u32 bytes, unsigned int max_align_order, const char *suffix)
{
	u64 value[BENCH_COLUMNS] = BENCH_NO_VALUES;
	struct churn_side side;
	unsigned int n;
	char name[48];
	u32 count;

	for (n = 0; n < ARRAY_SIZE(columns); n++) {
		if (!side_create(&side, columns[n], max_align_order))
			return;
		for (count = 0; side_alloc(&side, count, bytes);)
			count++;
		value[columns[n]] = count * 1000;
		side_destroy(&side);
	}
	snprintf(name, sizeof(name), "256MiB/%uB%s", bytes, suffix);
	bench_print("fits", name, value, "buffers");
}

static void bench_fits(void)
{
	/* The last is the whole pool. */
	static const u32 sizes[] = { 3110400, 8294400, 1052672, 69632, SZ_256M };
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(sizes); n++) {
		fits_case(sizes[n], BENCH_ALIGN_ORDER, "");
		fits_case(sizes[n], BENCH_SMALL_ALIGN_ORDER, ",limit=64KiB");
	}
}

void bench_churn(unsigned int seeds)
{
	struct churn_trace *trace = kvzalloc(sizeof(*trace), GFP_KERNEL);
	unsigned int n, load;

	if (!trace)
		return;
	bench_fits();
	for (n = 0; n < ARRAY_SIZE(mixes); n++)
		for (load = 60; load <= 90; load += 10)
			if (churn_case(trace, &mixes[n], load,
				       BENCH_ALIGN_ORDER, "", seeds) ||
			    churn_case(trace, &mixes[n], load,
				       BENCH_SMALL_ALIGN_ORDER, ",limit=64KiB", seeds))
				goto out;
out:
	kvfree(trace);
}
