"""The text of docs/scale.md, around the figures that `simulated_schedules.py` makes."""

from collections.abc import Mapping, Sequence
from typing import Any

from tools.scale_costs import PRICE, SHOWN, TFLOPS, cost_tables, emcid_figures

TEXT = """# Scale

What larger runs cost, how work is placed on many workers, and what ten million images do to a disk. The tables of
this page are made by `python tools/simulated_schedules.py --write`, those of costs from what
`python tools/scale_costs.py --write` records; a test compares them.

## What a run costs

`iceb plan --cost` counts runs of SD-1.4, SD-1.5 and SDXL over any numbers of edits, for every method of a task:
arithmetic, GPU-hours, money, disk and peak memory. No weights are needed. A pass of the denoiser, the text encoder or
the autoencoder, and the forward and backward passes of training, are run on torch's meta device with the models'
shapes, and their operations and live bytes are counted; numbers of images come from a task's data, numbers of steps
from a method's settings with its recipe. `iceb.costs` returns the same to Python, as a frame.

For example `iceb plan --cost --model sd14,sdxl --method emcid,uce --edits 1,10,100,300,1000 --tflops 100 --price 2`:

- `--tflops` is what a card sustains, not its peak, and `--price` is that of a GPU-hour. Neither has a default:
  without them hours and money are left out.
- Memory is that of float32 weights, copies, gradients and moments of what is trained, and the largest pass. Attention
  is taken as GPUs compute it, without its matrix. What CUDA and an allocator's gaps take comes on top. Reading images
  into latents is not in it: where such a pass does not fit it is halved.
- An image is taken as large as its pixels, an upper bound but for a file's header; `--image-bytes` says better.
- A number of edits beyond the data's continues its mean per request (marked *); different destinations stay the
  data's.

`iceb evaluate … --dry-run` names the peak of the run at hand: where torch finds a GPU, of the passes that its memory
allows (concepts of EMCID and MACE, 1 to 32, by what is free then; images of drawing, up to four times the family's
number, by the whole), elsewhere of the default ones, and it says which. `--concepts-at-once` and `--images-per-pass`
set them. None of this was run on a GPU.

EMCID on AICE holds {emcid[gb]} GB on SD-1.4 with its {emcid[together]} concepts at once;
with {emcid[fits]}, the most that a card of 24 GB holds, {emcid[fits_gb]} GB.

### AICE on SD-1.4 and SDXL

Hours on a card that sustains {tflops:g} TFLOP/s, which is an assumption and no measurement, and money at {price:g} a
GPU-hour; both are in proportion. `money`, `peak GB` and `in 24 GB` are of the whole run, images included, at {shown}
edits: `in 24 GB` is the number of concepts that such a card trains at once, `all` where the default fits.
1,000 edits continue the data's mean. ESD's settings fix its steps whatever the edits.

{costs}

`uce-debias` edits no task of this kind: its work is counted as if no round ended early
(`iceb plan --cost --task debias`).

## Schedules with failures

Simulated, mean of {repeats} runs. Workers' speeds are uniform from {slowest:g} to 1; a pass takes 1 ± {spread:g} over
the speed; a worker fails once in {between:g} passes on average (exponential) and is back after {away:g}. These are
assumptions, not measurements. The store is content-addressed and the first writer wins: what was published is not
drawn again. 1155 passes are AICE at 300 edits on SD-1.4.

- *shards*: a pass belongs to the worker that its hash names, failed or not.
- *shards, then the rest*: a worker that has finished its shard draws any missing pass, at random, without a claim.
- *queue*: an engine hands out each pass once, and again after a failure.

`time`: over that of the same workers without failures or waiting. `twice`: passes drawn whose images another had
published meanwhile, of all. `lost`: passes cut off by failures, of all.

| passes | workers | placing | time | twice | lost |
|--:|--:|---|--:|--:|--:|
{rows}

Plain shards wait for the slowest worker and for each failed one; a queue loses only the last passes. Shards whose
workers then help need no engine and nearly reach a queue while there are many passes a worker; with fewer than some
20 each they draw much twice, and an engine is worth it. Whatever is drawn twice is equal, and the first stays.

## Ten million images on a disk

The store keeps one PNG an image, at `images/ab/abab….png`: two hexadecimal digits, {folders} folders.

| | today | three levels | packs of 1 024 |
|---|--:|--:|--:|
| files, and inodes, of {images:,} images | {images:,} | {images:,} | {packs:,} |
| files in a folder, mean | {a_folder:,} | {three_levels:,} | {pack_folder:,} |

The fullest of the {folders} folders holds {most} of {keys:,} keys, where the mean is {mean:.0f}: hashes fill them
evenly. A cache of {measured_images:,} images of `mini` (32×32) was looked at: {measured_bytes:.0f} bytes an image in
the file, {measured_disk:.0f} on the disk, which gives out whole blocks; an image of 512×512 wastes no more
bytes than that. It was looked at once, and is not computed again here.

What must change there, in this order:

1. **Folders**: {a_folder:,} files in one are slow to list on network file systems. A second pair of digits gives
   {three_levels} each; a reader must look in both places, so that old caches hold.
2. **Inodes**: a file system with few of them, and any with a quota on files, wants packs. The store of measured rows
   has such a form (`iceb/stores/packs.py`: keys and digests in a header, at most {rows_in_a_pack:,} rows by its limit
   of a header). A worker would write a pack of its own when it has drawn 1 024 images; first-writer-wins then holds
   for a pack's index, not for a file, and an image that two packs hold is read from the first by name.
3. **Looking**: whether an image is there is one `stat` today. Ten million of them are one listing of packs' headers
   instead, {index_gb:.2f} GB of keys and digests in all.
"""


def page_text(
    world: Any,
    repeats: int,
    rows: Sequence[tuple[int, int, str, Any]],
    layout: Mapping[str, Any],
    costs: Mapping[str, Any],
) -> str:
    """Write the page.

    Args:
        world: the simulations' assumptions.
        rows: passes, workers, policy and mean outcome of each simulation.
        layout: figures of the store's layout.
        costs: what runs cost, as `tools/scale_costs.py` records it.
    """
    return TEXT.format(
        repeats=repeats,
        **vars(world),
        rows="\n".join(
            f"| {passes:,} | {workers} | {policy} | {each.makespan:.2f} | {each.twice:.1%} | {each.lost:.1%} |"
            for passes, workers, policy, each in rows
        ),
        **layout,
        costs=cost_tables(costs),
        emcid=emcid_figures(costs),
        tflops=TFLOPS,
        price=PRICE,
        shown=SHOWN,
    )
