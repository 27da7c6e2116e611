// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: whose memory can be a pool, and how it
 * is mapped
 *
 * No mapping is stubbed here: what is asked for is the machine's own memory, and
 * the attributes are read from the page tables. On the kernel's command line:
 *
 *	dma_coherent_kunit.spare=ADDRESS	memory to map, 2 MiB kept from the
 *						kernel, with "mem=" say
 */

#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <asm/sections.h>

#include "dma-coherent-fixture.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent_kunit."

static unsigned long long spare;
module_param(spare, ullong, 0444);
MODULE_PARM_DESC(spare, "Physical address of memory that nobody uses and that is no System RAM, 0 for none");

#define ALL_RAM		"is System RAM; add no-map, or see why it was not reserved"
#define SOME_RAM	"is partly System RAM"

/* The true mapping, where fixture_init() stubs it. */
static int memory_init(struct kunit *test)
{
	int err = fixture_init(test);

	if (!err && !IS_ENABLED(CONFIG_UML))
		kunit_deactivate_static_stub(test, dma_coherent_map);
	return err;
}

/* Resources that a test makes, as UML has none */

static void forget_memory(void *res)
{
	remove_resource(res);
}

static void add_memory(struct kunit *test, const char *name, unsigned long flags,
		       phys_addr_t base, size_t size)
{
	struct resource *res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	res->name = name;
	res->start = base;
	res->end = base + size - 1;
	res->flags = flags;
	KUNIT_ASSERT_EQ(test, insert_resource(&iomem_resource, res), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget_memory, res), 0);
}

/* @why: NULL if the memory can be a pool, or else the one message. */
static void expect_declared(struct kunit *test, phys_addr_t base, size_t size, const char *why)
{
	struct fixture *fx = test->priv;

	fx_log_start(test);
	KUNIT_EXPECT_EQ(test, dma_declare_coherent_memory(fx->dev, base, HANDLE, size),
			why ? -EINVAL : 0);
	KUNIT_EXPECT_EQ(test, !fx_mem(fx->dev, 0), !!why);
	if (why)
		KUNIT_EXPECT_EQ_MSG(test, fx_log_count(test, why), 1, "no message: %s", why);
}

/**
 * struct ram_case - where System RAM lies, in pages from the start of a region of
 *	POOL_PAGES
 * @name: of the case
 * @first: first page
 * @pages: how many; 0 for none
 * @other: the page behind it is some other kind of memory
 * @why: what is wrong with the region
 */
struct ram_case {
	const char *name;
	unsigned long first;
	unsigned long pages;
	bool other;
	const char *why;
};

static const struct ram_case ram_cases[] = {
	{ "none", 0, 0, false, NULL },
	{ "all", 0, POOL_PAGES, false, ALL_RAM },
	{ "first page", 0, 1, false, SOME_RAM },
	{ "last page", POOL_PAGES - 1, 1, false, SOME_RAM },
	{ "front, then a hole", 0, POOL_PAGES / 2, false, SOME_RAM },
	{ "front, then something else", 0, POOL_PAGES / 2, true, SOME_RAM },
	{ "all but the first page", 1, POOL_PAGES - 1, false, SOME_RAM },
	{ "in the middle", 5, 2, false, SOME_RAM },
	{ "behind it", POOL_PAGES, 4, false, NULL },
};

KUNIT_ARRAY_PARAM_DESC(ram_case, ram_cases, name);

static void ram_is_refused_wherever_it_lies(struct kunit *test)
{
	const struct ram_case *c = test->param_value;
	struct bank *bank;

	if (!IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "the machine has System RAM of its own");
	bank = fx_add_bank(test, POOL_PAGES + 4);
	if (c->pages)
		add_memory(test, "System RAM", IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
			   bank->base + c->first * PAGE_SIZE, c->pages * PAGE_SIZE);
	if (c->other)
		add_memory(test, "other memory", IORESOURCE_MEM,
			   bank->base + (c->first + c->pages) * PAGE_SIZE, PAGE_SIZE);
	expect_declared(test, bank->base, POOL_SIZE, c->why);
}

/* Memory of the machine */

static int find_end(unsigned long pfn, unsigned long pages, void *end)
{
	*(unsigned long *)end = pfn + pages;
	return 0;
}

/* The first page frame above all System RAM; 0 where the machine registers none. */
static unsigned long end_of_ram(void)
{
	unsigned long end = 0;

	walk_system_ram_range(0, PHYS_PFN(PHYS_ADDR_MAX), &end, find_end);
	return end;
}

static void skip_without_owners(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML lends its pages to pools");
}

/* Pages in use are not zeroed. */
static void pages_of_the_page_allocator_are_refused(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct bank *bank = &fx->bank[0];

	skip_without_owners(test);
	expect_declared(test, bank->base, bank->size, ALL_RAM);
	KUNIT_EXPECT_NULL(test, memchr_inv(bank->mem, DIRT, bank->size));
}

static void kernel_image_is_refused(struct kunit *test)
{
	phys_addr_t base = PAGE_ALIGN_DOWN(__pa_symbol(_stext));

	skip_without_owners(test);
	if (!end_of_ram())
		kunit_skip(test, "no System RAM is registered, and the image is reserved");
	expect_declared(test, base, 4 * PAGE_SIZE, ALL_RAM);
}

/* A board with less memory than its device tree says. */
static void region_across_the_end_of_ram_is_refused(struct kunit *test)
{
	unsigned long end = end_of_ram();

	skip_without_owners(test);
	if (!end)
		kunit_skip(test, "no System RAM is registered");
	if (PFN_PHYS(end) + SZ_64K - 1 < PFN_PHYS(end))
		kunit_skip(test, "System RAM ends where addresses do");
	expect_declared(test, PFN_PHYS(end) - 2 * PAGE_SIZE, 4 * PAGE_SIZE, SOME_RAM);
}

/* The bits of a page table's entry that tell write-combined from cached. */
static u64 attribute_bits(u64 prot)
{
	return prot & (pgprot_val(PAGE_KERNEL) ^
		       pgprot_val(pgprot_writecombine(PAGE_KERNEL)));
}

static int read_pte(pte_t *pte, unsigned long addr, void *bits)
{
	*(u64 *)bits = attribute_bits(pte_val(ptep_get(pte)));
	return 0;
}

static u64 pte_bits(struct kunit *test, struct mm_struct *mm, unsigned long addr)
{
	u64 bits = ~0;

	KUNIT_EXPECT_EQ(test, apply_to_existing_page_range(mm, addr, PAGE_SIZE, read_pte, &bits),
			0);
	return bits;
}

/* The mapping of user space has the attributes of the kernel's. */
static void memory_kept_from_the_kernel_is_write_combined(struct kunit *test)
{
	u64 combined = attribute_bits(pgprot_val(pgprot_writecombine(PAGE_KERNEL)));
	struct fixture *fx = test->priv;
	struct bank bank = fx->bank[0];
	struct view view = { .dev = fx->dev, .size = PAGE_SIZE };
	unsigned long addr;

	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "UML has one kind of mapping");
	if (!spare)
		kunit_skip(test, "needs dma_coherent_kunit.spare=");
	bank.base = spare;
	KUNIT_ASSERT_EQ(test, fx_declare(fx->dev, &bank), 0);
	view.vaddr = fx_alloc(test, fx->dev, 1);
	KUNIT_ASSERT_TRUE(test, is_vmalloc_addr(view.vaddr));
	KUNIT_EXPECT_EQ(test, pte_bits(test, &init_mm, (unsigned long)view.vaddr), combined);
	addr = fx_mmap(test, &view, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, pte_bits(test, current->mm, addr), combined);

	WRITE_ONCE(*(u32 *)view.vaddr, 0x5ee5);
	fx_expect_user_word(test, addr, 0x5ee5);
	fx_write_user_word(test, addr, 0x7eb7);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*(u32 *)view.vaddr), 0x7eb7);
}

static struct kunit_case dma_coherent_memory_cases[] = {
	KUNIT_CASE_PARAM(ram_is_refused_wherever_it_lies, ram_case_gen_params),
	KUNIT_CASE(pages_of_the_page_allocator_are_refused),
	KUNIT_CASE(kernel_image_is_refused),
	KUNIT_CASE(region_across_the_end_of_ram_is_refused),
	KUNIT_CASE(memory_kept_from_the_kernel_is_write_combined),
	{}
};

static struct kunit_suite dma_coherent_memory_suite = {
	.name = "dma_coherent_memory",
	.init = memory_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_memory_cases,
};

kunit_test_suite(dma_coherent_memory_suite);

MODULE_DESCRIPTION("KUnit tests for whose memory per-device coherent memory is");
MODULE_LICENSE("GPL");
