// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the messages of per-device coherent memory
 *
 * Each test does one thing and compares all messages since then, word by word.
 *
 * The suite comes before the others, since some messages are rate-limited for all
 * devices together.
 */

#include <kunit/test.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dma-coherent-fixture.h"

#define PAGES		8

/* Formats */
#define NOT_WHOLE							\
	"%s: region %s (%pa bytes at %pa) is not whole pages, shrinking it"
#define BEYOND_REACH							\
	"%s: region %s at %pad cannot be addressed by the device, using it anyway"
#define WITHOUT_ADDRESS							\
	"%s: region vram (%pa bytes at %pa) begins outside the device's dma-ranges: %d"
#define NOT_USED							\
	"%s: region %s at %pad cannot be addressed by the device, not using it"
#define PAGES_REFUSED							\
	"%s: pool %s: cannot allocate %lu pages, %s (%lu of %d pages free, largest request %lu)"
#define MAPPING_REFUSED							\
	"%s: pool %s: cannot map %lu pages at offset %lu from page %lu, the buffer has %lu pages there: %d"
#define BAD_RELEASE							\
	"%s: pool %s: bad release of page %lu, order %d: %s (pages %lu to %lu are %s)"
static int messages_init(struct kunit *test)
{
	int err = fixture_init(test);

	if (err)
		return err;
	/* Beyond what UML has, which may end up to 1 GiB behind what it was given. */
	fx_add_bank_at(test, PAGES, (phys_addr_t)SZ_2G + SZ_1G);
	fx_log_start(test);
	return 0;
}

/* The bank that the tests declare. */
static struct bank *messages_bank(struct kunit *test)
{
	struct fixture *fx = test->priv;

	return &fx->bank[1];
}

static bool next_message_has(struct kunit *test, const char *part)
{
	return strstr(fx_log_next(test), part);
}

static int declare(struct kunit *test, unsigned long page, size_t size)
{
	struct fixture *fx = test->priv;

	return dma_declare_coherent_memory(fx->dev, messages_bank(test)->base + page * PAGE_SIZE,
					   HANDLE, size);
}

static void *alloc(struct kunit *test, unsigned long pages)
{
	struct fixture *fx = test->priv;

	return fx_alloc(test, fx->dev, pages);
}

static void alloc_in_vain(struct kunit *test, ssize_t size)
{
	struct fixture *fx = test->priv;
	dma_addr_t handle;
	void *vaddr;

	dma_alloc_from_coherent(fx->dev, size, &handle, &vaddr);
}

/* What a region that was declared is called. */
static const char *region_name(struct kunit *test, phys_addr_t base, size_t size)
{
	char *name = kunit_kmalloc(test, 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, name);
	snprintf(name, 64, "declared@%llx+%zx", (u64)base, size);
	return name;
}

/* Regions */

static void normal_use_logs_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;

	KUNIT_ASSERT_EQ(test, declare(test, 0, PAGES * PAGE_SIZE), 0);
	dma_release_from_coherent(fx->dev, 1, alloc(test, 2));
	dma_release_coherent_memory(fx->dev);
	fx_expect_no_message(test);
}

static void expect_refused(struct kunit *test, struct device *dev, phys_addr_t base,
			   phys_addr_t size, const char *why, int err)
{
	fx_expect_message(test, "%s: region %s (%pa bytes at %pa) %s: %d", dev_name(dev),
			  region_name(test, base, size), &size, &base, why, err);
	fx_expect_no_message(test);
}

static void bad_region_is_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);

	declare(test, 0, 0);
	expect_refused(test, fx->dev, bank->base, 0, "is empty", -EINVAL);
	declare(test, 0, 100);
	expect_refused(test, fx->dev, bank->base, 100, "has no whole page", -EINVAL);
	dma_declare_coherent_memory(fx->dev, -(phys_addr_t)PAGE_SIZE, 0, 2 * PAGE_SIZE);
	expect_refused(test, fx->dev, -(phys_addr_t)PAGE_SIZE, 2 * PAGE_SIZE, "wraps around",
		       -EINVAL);
	dma_declare_coherent_memory_flags(fx->dev, bank->base, 0, PAGE_SIZE, ~0);
	expect_refused(test, fx->dev, bank->base, PAGE_SIZE, "has an unknown flag", -EINVAL);
	declare(test, PAGES, PAGE_SIZE);
	expect_refused(test, fx->dev, bank->base + PAGES * PAGE_SIZE, PAGE_SIZE,
		       "has no mapping", -EINVAL);
	/* There is no device to name. */
	dma_declare_coherent_memory(NULL, bank->base, 0, PAGE_SIZE);
	fx_expect_no_message(test);
}

static void region_of_the_device_is_busy(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);

	KUNIT_ASSERT_EQ(test, declare(test, 0, 2 * PAGE_SIZE), 0);
	declare(test, 0, 2 * PAGE_SIZE);
	expect_refused(test, fx->dev, bank->base, 2 * PAGE_SIZE, "is attached already",
		       -EBUSY);
	declare(test, 1, 2 * PAGE_SIZE);
	expect_refused(test, fx->dev, bank->base + PAGE_SIZE, 2 * PAGE_SIZE,
		       "overlaps another region of the device", -EBUSY);
	declare(test, 4, 2 * PAGE_SIZE);
	expect_refused(test, fx->dev, bank->base + 4 * PAGE_SIZE, 2 * PAGE_SIZE,
		       "has the DMA addresses of another region of the device", -EBUSY);
}

static void shared_memory_is_reported(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	phys_addr_t inner = bank->base + PAGE_SIZE;

	KUNIT_ASSERT_EQ(test, declare(test, 0, 4 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(fx->other, inner, HANDLE, 2 * PAGE_SIZE),
			0);
	fx_expect_message(test,
			  "%s: region %s overlaps region %s, both may allocate the same pages",
			  dev_name(fx->other), region_name(test, inner, 2 * PAGE_SIZE),
			  region_name(test, bank->base, 4 * PAGE_SIZE));
	dma_release_coherent_memory(fx->other);

	/* A region in a buffer is not reported. */
	alloc(test, 4);
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(fx->other, inner, HANDLE, 2 * PAGE_SIZE),
			0);
	fx_expect_no_message(test);
}

static void odd_region_is_cut_down(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	phys_addr_t size = PAGE_SIZE + 1;

	KUNIT_EXPECT_EQ(test, declare(test, 0, size), 0);
	fx_expect_message(test, NOT_WHOLE, dev_name(fx->dev), region_name(test, bank->base, size),
			  &size, &bank->base);
	fx_expect_no_message(test);
}

static void unreachable_region_is_reported_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	dma_addr_t handle = HANDLE;

	KUNIT_ASSERT_EQ(test, declare(test, 0, 4 * PAGE_SIZE), 0);
	fx->dev->coherent_dma_mask = PAGE_SIZE - 1;
	alloc(test, 1);
	fx_expect_message(test, BEYOND_REACH, dev_name(fx->dev),
			  region_name(test, bank->base, 4 * PAGE_SIZE), &handle);
	alloc(test, 1);
	fx_expect_no_message(test);
}

/* Requests go on to the generic allocator. */
static void unreachable_fallback_region_is_reported_once(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	dma_addr_t handle = HANDLE;

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory_flags(fx->dev, bank->base, HANDLE,
								PAGE_SIZE, DMA_COHERENT_FALLBACK),
			0);
	fx->dev->coherent_dma_mask = PAGE_SIZE - 1;
	alloc_in_vain(test, 1);
	fx_expect_message(test, NOT_USED, dev_name(fx->dev),
			  region_name(test, bank->base, PAGE_SIZE), &handle);
	alloc_in_vain(test, 1);
	fx_expect_no_message(test);
}

/* A region of firmware, on a bus that shows the device other memory. */
static void region_without_a_device_address_is_reported(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	struct dma_coherent_spec spec = {
		.name = "vram",
		.base = bank->base,
		.size = 2 * PAGE_SIZE,
		.source = DMA_COHERENT_FIRMWARE,
	};
	struct bus_dma_region *map;

	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	map = kcalloc(2, sizeof(*map), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map);
	map->size = PAGE_SIZE;
	fx->dev->dma_range_map = map;
	KUNIT_EXPECT_EQ(test, dma_coherent_attach(fx->dev, &spec), -ENODEV);
	fx_expect_message(test, WITHOUT_ADDRESS, dev_name(fx->dev), &spec.size, &bank->base,
			  -ENODEV);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->dev, 0));
	map->cpu_start = bank->base;
	KUNIT_EXPECT_EQ(test, dma_coherent_attach(fx->dev, &spec), 0);
	dma_coherent_detach(fx->dev, DMA_COHERENT_FIRMWARE, spec.base, spec.size);
	fx_expect_no_message(test);
}

/* Requests */

static void expect_request(struct kunit *test, unsigned long pages, const char *why,
			   unsigned long free, unsigned long largest)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);

	fx_expect_message(test, PAGES_REFUSED, dev_name(fx->dev),
			  region_name(test, bank->base, PAGES * PAGE_SIZE), pages, why, free, PAGES,
			  largest);
	fx_expect_no_message(test);
}

static void refused_request_says_why(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *first;

	KUNIT_ASSERT_EQ(test, declare(test, 0, PAGES * PAGE_SIZE), 0);
	alloc_in_vain(test, 0);
	expect_request(test, 0, "invalid size", 8, 8);
	alloc_in_vain(test, 9 * PAGE_SIZE);
	expect_request(test, 9, "larger than the pool", 8, 8);

	first = alloc(test, 3);
	alloc(test, 1);
	dma_release_from_coherent(fx->dev, 2, first);
	alloc_in_vain(test, 6 * PAGE_SIZE);
	expect_request(test, 6, "the pool is fragmented", 7, 4);
	fx->dev->coherent_dma_mask = HANDLE + 3 * PAGE_SIZE - 1;
	alloc_in_vain(test, 4 * PAGE_SIZE);
	expect_request(test, 4, "the device cannot address the free pages", 7, 4);
	fx->dev->coherent_dma_mask = 0;
	alloc(test, 4);
	alloc(test, 3);
	alloc_in_vain(test, 1);
	expect_request(test, 1, "the pool is full", 0, 0);
}

static void request_that_falls_back_logs_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory_flags(fx->dev, bank->base, HANDLE,
								PAGE_SIZE, DMA_COHERENT_FALLBACK),
			0);
	alloc_in_vain(test, 2 * PAGE_SIZE);
	fx_expect_no_message(test);
}

/* A caller that can do without the buffer suppresses the message, not the counter. */
static void expected_failure_logs_nothing(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct dma_coherent_region *region;
	dma_addr_t handle;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(test, 0, PAGES * PAGE_SIZE), 0);
	region = fx_mem(fx->dev, 0)->region;
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent_attrs(fx->dev, 9 * PAGE_SIZE, &handle,
							    &vaddr, __GFP_NOWARN, 0), 1);
	KUNIT_EXPECT_EQ(test, dma_alloc_from_coherent_attrs(fx->dev, 9 * PAGE_SIZE, &handle,
							    &vaddr, 0, DMA_ATTR_NO_WARN), 1);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, 9 * PAGE_SIZE, &handle,
						   GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, dma_alloc_attrs(fx->dev, 9 * PAGE_SIZE, &handle, GFP_KERNEL,
						DMA_ATTR_NO_WARN));
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, region->stats.failures[DMA_COHERENT_TOO_LARGE], 4);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->dev, 9 * PAGE_SIZE, &handle,
						   GFP_KERNEL));
	expect_request(test, 9, "larger than the pool", 8, 8);
}

/* The bus set dma-ranges after the region was attached. */
static void request_without_a_range_says_so(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	const struct dma_coherent_spec spec = {
		.name = "vram",
		.base = bank->base,
		.size = 2 * PAGE_SIZE,
		.source = DMA_COHERENT_FIRMWARE,
	};
	struct bus_dma_region *map;

	if (IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))
		kunit_skip(test, "the architecture translates by itself");
	KUNIT_ASSERT_EQ(test, dma_coherent_attach(fx->dev, &spec), 0);
	map = kcalloc(2, sizeof(*map), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map);
	map->size = PAGE_SIZE;
	fx->dev->dma_range_map = map;
	alloc_in_vain(test, 1);
	fx_expect_message(test, PAGES_REFUSED, dev_name(fx->dev), "vram", 1L,
			  "the region begins outside the device's dma-ranges", 2L, 2, 0L);
	fx_expect_no_message(test);
	KUNIT_EXPECT_EQ(test, fx_mem(fx->dev, 0)->region->stats.failures[DMA_COHERENT_OUT_OF_REACH],
			1);
}

/* Mappings */

static void refused_mapping_says_what_can_be_mapped(struct kunit *test)
{
	struct vm_area_struct vma = { .vm_end = 5 * PAGE_SIZE };
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	const char *name = region_name(test, bank->base, PAGES * PAGE_SIZE);
	void *vaddr;
	int ret = 0;

	KUNIT_ASSERT_EQ(test, declare(test, 0, PAGES * PAGE_SIZE), 0);
	vaddr = alloc(test, 4);
	KUNIT_EXPECT_EQ(test, dma_mmap_from_coherent(fx->dev, &vma, vaddr, 8 * PAGE_SIZE, &ret),
			1);
	KUNIT_EXPECT_EQ(test, ret, -ENXIO);
	fx_expect_message(test, MAPPING_REFUSED, dev_name(fx->dev), name, 5L, 0L, 0L, 4L, -ENXIO);
	/* DRM passes an offset of its own here. */
	vma.vm_end = PAGE_SIZE;
	vma.vm_pgoff = 0x100000;
	dma_mmap_from_coherent(fx->dev, &vma, vaddr, 2 * PAGE_SIZE, &ret);
	fx_expect_message(test, MAPPING_REFUSED, dev_name(fx->dev), name, 1L, 0x100000L, 0L, 2L,
			  -ENXIO);
	vma.vm_pgoff = 0;
	dma_mmap_from_coherent(fx->dev, &vma, vaddr + 4 * PAGE_SIZE, PAGE_SIZE, &ret);
	fx_expect_message(test, MAPPING_REFUSED, dev_name(fx->dev), name, 1L, 0L, 4L, 0L, -ENXIO);
	fx_expect_no_message(test);
}

/* Releases */

static void expect_release(struct kunit *test, unsigned long page, int order,
			   const char *why, unsigned long first, unsigned long last,
			   const char *what)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);

	fx_expect_message(test, BAD_RELEASE, dev_name(fx->dev),
			  region_name(test, bank->base, PAGES * PAGE_SIZE), page, order, why, first,
			  last, what);
	fx_expect_no_message(test);
}

static void bad_release_says_what_is_there(struct kunit *test)
{
	struct fixture *fx = test->priv;
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(test, 0, PAGES * PAGE_SIZE), 0);
	alloc(test, 1);
	vaddr = alloc(test, 2);
	dma_release_from_coherent(fx->dev, 0, vaddr + PAGE_SIZE);
	expect_release(test, 3, 0, "not the start of a buffer, ignored", 2, 3, "one buffer");
	dma_release_from_coherent(fx->dev, 2, vaddr);
	expect_release(test, 2, 2, "wrong order, freeing all of it", 2, 3, "one buffer");
	dma_release_from_coherent(fx->dev, 1, vaddr);
	expect_release(test, 2, 1, "not allocated, ignored", 1, 7, "free");
}

/* Messages about one region do not suppress those about another. */
static void each_region_has_a_limit_of_its_own(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, declare(test, 1, 2 * PAGE_SIZE), 0);
	/* The interval must not end during the test. */
	fx_mem(fx->dev, 0)->region->misuse_rs.interval = 3600 * HZ;
	for (i = 0; i < 100; i++)
		dma_release_from_coherent(fx->dev, 0, bank->mem + PAGE_SIZE);
	for (i = 0; i < DEFAULT_RATELIMIT_BURST; i++)
		KUNIT_EXPECT_TRUE_MSG(test, next_message_has(test, "not allocated, ignored"),
				      "message %u", i);
	fx_expect_no_message(test);
	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory(fx->other, bank->base, HANDLE, PAGE_SIZE),
			0);
	dma_release_from_coherent(fx->other, 0, bank->mem);
	KUNIT_EXPECT_TRUE(test, next_message_has(test, "not allocated, ignored"));
}

/* Failed requests do not suppress messages about bad releases, or the reverse. */
static void requests_and_misuses_have_limits_of_their_own(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, declare(test, 0, PAGE_SIZE), 0);
	/* The interval must not end during the test. */
	fx_mem(fx->dev, 0)->region->alloc_rs.interval = 3600 * HZ;
	for (i = 0; i < 2 * DEFAULT_RATELIMIT_BURST; i++)
		alloc_in_vain(test, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "larger than the pool"),
			DEFAULT_RATELIMIT_BURST);
	dma_release_from_coherent(fx->dev, 0, bank->mem);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "not allocated, ignored"), 1);

	KUNIT_ASSERT_EQ(test, dma_declare_coherent_memory(fx->other, bank->base + PAGE_SIZE, HANDLE,
							  PAGE_SIZE), 0);
	fx_mem(fx->other, 0)->region->misuse_rs.interval = 3600 * HZ;
	for (i = 0; i < 2 * DEFAULT_RATELIMIT_BURST; i++)
		dma_release_from_coherent(fx->other, 0, bank->mem + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "not allocated, ignored"),
			DEFAULT_RATELIMIT_BURST);
	KUNIT_EXPECT_NULL(test, dma_alloc_coherent(fx->other, 2 * PAGE_SIZE,
						   &(dma_addr_t){ 0 }, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, fx_log_count(test, "larger than the pool"), 1);
}

/* Lifetime */

static void detach_reports_live_buffers(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = messages_bank(test);
	void *vaddr;

	KUNIT_ASSERT_EQ(test, declare(test, 0, PAGES * PAGE_SIZE), 0);
	alloc(test, 1);
	vaddr = alloc(test, 1);
	dma_release_coherent_memory(fx->dev);
	fx_expect_message(test,
			  "%s: region %s detached with 2 buffers in use, stays mapped until they are released",
			  dev_name(fx->dev), region_name(test, bank->base, PAGES * PAGE_SIZE));
	dma_release_from_coherent(fx->dev, 0, vaddr);
	fx_expect_no_message(test);
	dma_coherent_device_release(fx->dev);
	fx_expect_message(test,
			  "%s: device released with 1 buffers of region %s in use, leaking them",
			  dev_name(fx->dev), region_name(test, bank->base, PAGES * PAGE_SIZE));
	fx_expect_no_message(test);

	/* The region must not outlive its memory: free the buffers as another device. */
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(fx->other, bank->base, HANDLE,
							  PAGES * PAGE_SIZE), 0);
	fx_drain(fx->other);
}

static struct kunit_case dma_coherent_messages_cases[] = {
	KUNIT_CASE(normal_use_logs_nothing),
	KUNIT_CASE(bad_region_is_refused),
	KUNIT_CASE(region_of_the_device_is_busy),
	KUNIT_CASE(shared_memory_is_reported),
	KUNIT_CASE(odd_region_is_cut_down),
	KUNIT_CASE(unreachable_region_is_reported_once),
	KUNIT_CASE(unreachable_fallback_region_is_reported_once),
	KUNIT_CASE(region_without_a_device_address_is_reported),
	KUNIT_CASE(refused_request_says_why),
	KUNIT_CASE(expected_failure_logs_nothing),
	KUNIT_CASE(request_without_a_range_says_so),
	KUNIT_CASE(refused_mapping_says_what_can_be_mapped),
	KUNIT_CASE(requests_and_misuses_have_limits_of_their_own),
	KUNIT_CASE(request_that_falls_back_logs_nothing),
	KUNIT_CASE(bad_release_says_what_is_there),
	KUNIT_CASE(each_region_has_a_limit_of_its_own),
	KUNIT_CASE(detach_reports_live_buffers),
	{}
};

static struct kunit_suite dma_coherent_messages_suite = {
	.name = "dma_coherent_messages",
	.init = messages_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_messages_cases,
};

kunit_test_suite(dma_coherent_messages_suite);

MODULE_DESCRIPTION("KUnit tests for the messages of per-device coherent memory");
MODULE_LICENSE("GPL");
