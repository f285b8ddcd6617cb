"""Train the detector on the labels of label_frames.py.

The schedule counts iterations, never time, and every random choice comes from the seed:
a busy machine takes longer and gets the same weights.

    train_detector.py --videos DIR --work DIR --name NAME [--street-last 420]
                      [--iterations N] [--stop-after M] [--seed 1]
"""

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from detector_net import DetectorNet, distances
from training_crops import Crops

BATCH = 16
RATE_MAX = 2e-3
WARM_UP = 300  # iterations
AVERAGE = 0.999  # decay of the moving average of the weights, the one that ships


def score_loss(logits, heat, learn):
    """Quality focal loss (Li et al. 2020) of [B, 2, h, w] logits towards soft scores."""
    score = logits.sigmoid()
    loss = F.binary_cross_entropy_with_logits(logits, heat, reduction="none")
    loss = loss * (heat - score).abs() ** 2 * learn
    return 2 * loss.sum() / (heat > 0.45).sum().clamp(min=1)


def box_loss(reach, wanted, weight):
    """1 - generalised IoU of distances [B, 4, h, w], averaged by `weight` [B, h, w]."""
    low, high = torch.minimum(reach, wanted), torch.maximum(reach, wanted)
    inner = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    area = (reach[:, 0] + reach[:, 2]) * (reach[:, 1] + reach[:, 3])
    area_wanted = (wanted[:, 0] + wanted[:, 2]) * (wanted[:, 1] + wanted[:, 3])
    union = area + area_wanted - inner
    overlap = inner / (union + 1e-6) - (hull - union) / (hull + 1e-6)
    return ((1 - overlap) * weight).sum() / weight.sum().clamp(min=1)


def rate(iteration, iterations):
    """Learning rate: a short linear rise, then half a cosine down to 0.5 %."""
    cosine = 0.5 * (1 + math.cos(math.pi * iteration / iterations))
    return RATE_MAX * min(1.0, (iteration + 1) / WARM_UP) * (cosine + 0.005)


def update_average(average, net, iteration):
    """Move `average` towards `net`: floating values decay, counters are copied."""
    decay = min(AVERAGE, (iteration + 1) / (iteration + 10))
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), net.state_dict().values()):
            if kept.dtype.is_floating_point:
                kept.mul_(decay).add_(new, alpha=1 - decay)
            else:
                kept.copy_(new)


def save_state(average, path):
    """Write the averaged weights as plain arrays, so that any torch can read them."""
    state = {key: value.contiguous().numpy() for key, value in average.state_dict().items()}
    torch.save(state, path)


def train(crops, iterations, stop_after, seed, path):
    """Train on a schedule of `iterations` batches and leave the averaged weights in `path`.

    Ends early after `stop_after` batches; the moving average then stands in for the
    low learning rates at the end of the schedule.
    """
    torch.manual_seed(seed)
    net = DetectorNet().to(memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 1e-2},
                                   {"params": vectors, "weight_decay": 0.0}], lr=RATE_MAX)
    loader = DataLoader(crops, batch_size=BATCH, num_workers=1, prefetch_factor=8)
    started, mean_score, mean_box = time.monotonic(), 0.0, 0.0
    for iteration, (pixels, heat, box, weight, learn) in enumerate(loader):
        for group in optimizer.param_groups:
            group["lr"] = rate(iteration, iterations)
        pixels = pixels.permute(0, 3, 1, 2).float()  # stays channels-last in memory
        with torch.autocast("cpu", torch.bfloat16):
            maps = net.maps(pixels)
        maps = maps.float()
        of_score = score_loss(maps[:, :2], heat, learn)
        of_box = box_loss(distances(maps), box, weight)
        optimizer.zero_grad()
        (of_score + 1.5 * of_box).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        update_average(average, net, iteration)
        keep = min(0.99, iteration / (iteration + 1))
        mean_score = keep * mean_score + (1 - keep) * of_score.item()
        mean_box = keep * mean_box + (1 - keep) * of_box.item()
        if (iteration + 1) % 500 == 0 or iteration + 1 in (stop_after, iterations):
            save_state(average, path)
            print(f"{iteration + 1} of {iterations}, {time.monotonic() - started:.0f} s, "
                  f"score loss {mean_score:.3f}, box loss {mean_box:.3f}", flush=True)
        if iteration + 1 == stop_after:
            break


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", required=True, help="folder with the training videos")
    parser.add_argument("--work", required=True, help="folder with labels.npy; states go there")
    parser.add_argument("--name", required=True, help="the state is WORK/NAME.state")
    parser.add_argument("--street-last", type=int, default=420,
                        help="last frame of vtest.avi to train on, at most 420")
    parser.add_argument("--iterations", type=int, default=7000)
    parser.add_argument("--stop-after", type=int, help="iterations, else all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    work = Path(arguments.work)
    labels = np.load(work / "labels.npy", allow_pickle=True).item()
    crops = Crops(arguments.videos, labels, arguments.street_last, arguments.seed,
                  arguments.iterations * BATCH)
    stop_after = arguments.stop_after or arguments.iterations
    train(crops, arguments.iterations, stop_after, arguments.seed,
          work / f"{arguments.name}.state")


if __name__ == "__main__":
    main()
