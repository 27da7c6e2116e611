// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for per-device coherent memory: random sequences held against a
 * model, and stress
 *
 * On the kernel's command line, for long runs, besides what the model has:
 *
 *	dma_coherent_kunit.stress_seconds=N	length of the stress
 *	dma_coherent_kunit.stress_looks=N	set by a reader of debugfs
 *
 * The last one may change while the stress goes on: the selftest writes to it below
 * /sys/module, and has pools for as long as it wants to look at them.
 */

#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "dma-coherent-model.h"

#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "dma_coherent_kunit."

static unsigned int stress_seconds;
module_param(stress_seconds, uint, 0644);
MODULE_PARM_DESC(stress_seconds, "How long the stress runs, 0 for a moment");

static unsigned int stress_looks;
module_param(stress_looks, uint, 0644);
MODULE_PARM_DESC(stress_looks, "How often debugfs was read, 0 for no reader");

KUNIT_ARRAY_PARAM_DESC(model_case, model_cases, name);

static void random_sequences_match_the_model(struct kunit *test)
{
	model_expect_sequence(test, test->param_value, NULL, 0);
}

/*
 * Stress: threads and a timer's interrupt allocate from a shared pool, write to
 * their buffers and look at them again, while a device comes and goes, and a pool.
 */

#define STRESS_THREADS	6
#define STRESS_SLOTS	4

struct stress_buffer {
	void *vaddr;
	unsigned int pages;
	u32 mark;
};

struct stress {
	struct kunit *test;
	struct device *dev;
	struct device *visitor;
	struct device *passer;
	const struct bank *bank;
	const struct bank *passing_bank;
	bool stop;
	atomic_t faults;
	atomic_t irq_rounds;
	struct irq_work irq;
	atomic_t irq_busy;
	struct stress_buffer irq_buffer;
};

struct stresser {
	struct stress *stress;
	struct completion done;
	unsigned int number;
	unsigned int rounds;
};

static bool stress_marks_hold(const struct stress_buffer *buffer)
{
	unsigned int i;

	for (i = 0; i < buffer->pages; i++)
		if (*(u32 *)(buffer->vaddr + i * PAGE_SIZE) != buffer->mark ||
		    *(u32 *)(buffer->vaddr + (i + 1) * PAGE_SIZE - 4) != buffer->mark)
			return false;
	return true;
}

static void stress_mark(struct stress_buffer *buffer, u32 mark)
{
	unsigned int i;

	buffer->mark = mark;
	for (i = 0; i < buffer->pages; i++) {
		*(u32 *)(buffer->vaddr + i * PAGE_SIZE) = mark;
		*(u32 *)(buffer->vaddr + (i + 1) * PAGE_SIZE - 4) = mark;
	}
}

/* Allocate a buffer, or free it. */
static void stress_toggle(struct stress *stress, struct device *dev,
			  struct stress_buffer *buffer, unsigned int pages, u32 mark)
{
	dma_addr_t handle;

	if (!buffer->vaddr) {
		buffer->pages = pages;
		if (!dma_alloc_from_coherent(dev, pages * PAGE_SIZE, &handle,
					     &buffer->vaddr))
			buffer->vaddr = NULL;
		if (!buffer->vaddr)
			return;
		if (memchr_inv(buffer->vaddr, 0, pages * PAGE_SIZE))
			atomic_inc(&stress->faults);
		stress_mark(buffer, mark);
		return;
	}
	if (!stress_marks_hold(buffer) || fx_free(dev, buffer->pages, buffer->vaddr) != 1)
		atomic_inc(&stress->faults);
	buffer->vaddr = NULL;
}

static void stress_irq(struct irq_work *irq)
{
	struct stress *stress = container_of(irq, struct stress, irq);
	unsigned int n = atomic_inc_return(&stress->irq_rounds);

	/* While it runs here, another processor may queue and run it, too. */
	if (atomic_xchg(&stress->irq_busy, 1))
		return;
	stress_toggle(stress, stress->dev, &stress->irq_buffer, 1 + n % 3, ~n);
	atomic_set(&stress->irq_busy, 0);
}

static int stress_alloc_thread(void *data)
{
	struct stresser *me = data;
	struct stress *stress = me->stress;
	struct stress_buffer buffer[STRESS_SLOTS] = {};
	struct rnd_state rnd;
	unsigned int i;
	u32 word;

	prandom_seed_state(&rnd, 0x57e55 + me->number);
	while (!READ_ONCE(stress->stop)) {
		word = prandom_u32_state(&rnd);
		stress_toggle(stress, stress->dev, &buffer[word % STRESS_SLOTS],
			      1 + word / 16 % 6, (word & ~7) | me->number);
		if (word % 64 == 0)
			irq_work_queue(&stress->irq);
		WRITE_ONCE(me->rounds, me->rounds + 1);
		cond_resched();
	}
	for (i = 0; i < STRESS_SLOTS; i++)
		if (buffer[i].vaddr)
			stress_toggle(stress, stress->dev, &buffer[i], 0, 0);
	complete(&me->done);
	return 0;
}

/* Attach, allocate and detach, now and then before the buffer is freed. */
static int stress_visit_thread(void *data)
{
	struct stresser *me = data;
	struct stress *stress = me->stress;
	struct stress_buffer buffer = {};
	unsigned int n;

	for (n = 0; !READ_ONCE(stress->stop); n++) {
		if (fx_attach(stress->visitor, stress->bank))
			atomic_inc(&stress->faults);
		stress_toggle(stress, stress->visitor, &buffer, 2, n);
		if (n % 1024 && buffer.vaddr)
			stress_toggle(stress, stress->visitor, &buffer, 0, 0);
		fx_detach(stress->visitor, DMA_COHERENT_FIRMWARE, stress->bank);
		if (buffer.vaddr)
			stress_toggle(stress, stress->visitor, &buffer, 0, 0);
		WRITE_ONCE(me->rounds, me->rounds + 1);
		cond_resched();
	}
	complete(&me->done);
	return 0;
}

/*
 * Where there is a reader of debugfs, wait in every other round until it has read all of
 * it: in the rounds between, the pool comes and goes while it reads.
 */
static void stress_be_seen(const struct stress *stress, unsigned int round)
{
	unsigned int looks = READ_ONCE(stress_looks);

	do {
		schedule_timeout_uninterruptible(1);
	} while (looks && round % 2 && READ_ONCE(stress_looks) - looks < 2 &&
		 !READ_ONCE(stress->stop));
}

/* Attach a pool, use it, detach it, and let the others run in between. */
static int stress_pass_thread(void *data)
{
	struct stresser *me = data;
	struct stress *stress = me->stress;
	struct stress_buffer buffer = {};

	/* The stub of the mapping is for the threads of this test only. */
	current->kunit_test = stress->test;
	while (!READ_ONCE(stress->stop)) {
		if (fx_attach(stress->passer, stress->passing_bank))
			atomic_inc(&stress->faults);
		stress_toggle(stress, stress->passer, &buffer, 1, me->rounds);
		stress_be_seen(stress, me->rounds);
		if (buffer.vaddr)
			stress_toggle(stress, stress->passer, &buffer, 0, 0);
		fx_detach(stress->passer, DMA_COHERENT_FIRMWARE, stress->passing_bank);
		stress_be_seen(stress, me->rounds);
		WRITE_ONCE(me->rounds, me->rounds + 1);
	}
	complete(&me->done);
	return 0;
}

/* Every thread has done a round, and the time is up. */
static bool stress_is_over(struct stress *stress, const struct stresser *who,
			   unsigned long start)
{
	unsigned long seconds = READ_ONCE(stress_seconds);
	unsigned long length = seconds ? seconds * HZ : HZ / 5;
	unsigned int i;

	for (i = 0; i < STRESS_THREADS; i++)
		if (!READ_ONCE(who[i].rounds))
			return false;
	return atomic_read(&stress->irq_rounds) && time_after_eq(jiffies, start + length);
}

/* Return: how many rounds there were. */
static unsigned long stress_run(struct stress *stress)
{
	static int (*const threads[STRESS_THREADS])(void *data) = {
		stress_visit_thread, stress_pass_thread, stress_alloc_thread,
		stress_alloc_thread, stress_alloc_thread, stress_alloc_thread,
	};
	struct stresser who[STRESS_THREADS];
	unsigned long start = jiffies, rounds = 0;
	unsigned int i;

	for (i = 0; i < STRESS_THREADS; i++) {
		who[i] = (struct stresser) { .stress = stress, .number = i };
		init_completion(&who[i].done);
		if (!IS_ERR(kthread_run(threads[i], &who[i], "stress/%u", i)))
			continue;
		atomic_inc(&stress->faults);
		who[i].rounds = 1;
		complete(&who[i].done);
	}
	while (!stress_is_over(stress, who, start))
		msleep(20);
	WRITE_ONCE(stress->stop, true);
	for (i = 0; i < STRESS_THREADS; i++) {
		wait_for_completion(&who[i].done);
		rounds += who[i].rounds;
	}
	irq_work_sync(&stress->irq);
	if (stress->irq_buffer.vaddr)
		stress_toggle(stress, stress->dev, &stress->irq_buffer, 0, 0);
	return rounds;
}

static void threads_and_interrupts_share_a_pool(struct kunit *test)
{
	struct fixture *fx = test->priv;
	struct stress stress = {
		.test = test,
		.dev = fx->dev,
		.visitor = fx->other,
		.bank = &fx->bank[0],
		.passing_bank = fx_add_bank(test, 4),
		.irq = IRQ_WORK_INIT_HARD(stress_irq),
	};
	struct dma_coherent_stats *stats;
	unsigned long rounds;

	stress.passer = kunit_device_register(test, "passer");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, stress.passer);
	KUNIT_ASSERT_EQ(test, fx_attach(fx->dev, &fx->bank[0]), 0);
	rounds = stress_run(&stress);
	dma_coherent_reap();
	stats = &fx_region(fx->dev)->stats;
	kunit_info(test, "%lu rounds, %d in interrupts, %lu buffers\n", rounds,
		   atomic_read(&stress.irq_rounds), stats->allocs);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress.faults), 0);
	fx_expect_pool(test, fx->dev, 0);
	KUNIT_EXPECT_NULL(test, fx_mem(fx->other, 0));
	KUNIT_EXPECT_NULL(test, fx_mem(stress.passer, 0));
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_GOOD], stats->allocs);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_WRONG_ORDER], 0);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_INTERIOR], 0);
	KUNIT_EXPECT_EQ(test, stats->frees[DMA_COHERENT_FREE_NOT_LIVE], 0);
}

static struct kunit_case dma_coherent_random_cases[] = {
	KUNIT_CASE_PARAM(random_sequences_match_the_model, model_case_gen_params),
	KUNIT_CASE_SLOW(threads_and_interrupts_share_a_pool),
	{}
};

static struct kunit_suite dma_coherent_random_suite = {
	.name = "dma_coherent_random",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = dma_coherent_random_cases,
};

kunit_test_suite(dma_coherent_random_suite);

MODULE_DESCRIPTION("KUnit tests for random use of per-device coherent memory");
MODULE_LICENSE("GPL");
