"""Write a trained state as TorchScript with its card.

Batch norm is folded into the convolutions and their weights are stored as
float16; the module widens them to float32, and `torch::jit::freeze` folds that away,
so that the optimised module computes in float32 as usual. Run this with
the oldest LibTorch that has to load the file (1.13.1).

    export_detector.py --state STATE --out FOLDER [--score S]
"""

import argparse
import copy
import hashlib
import io
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from detector_net import CLASSES, INPUT_HEIGHT, INPUT_WIDTH, STRIDE, DetectorNet

NAME = "omma-detector"
LICENCE = "Apache-2.0 (trained by this project; labels by Open Model Zoo weights, Apache-2.0)"


class StoredConvolution(nn.Module):
    """A convolution whose weights are float16 in the file and float32 at work."""

    def __init__(self, convolution):
        super().__init__()
        self.register_buffer("weight", convolution.weight.detach().half())
        self.register_buffer("bias", convolution.bias.detach().clone())
        self.stride = convolution.stride[0]
        self.padding = convolution.padding[0]

    def forward(self, x):
        return F.conv2d(x, self.weight.float(), self.bias, self.stride, self.padding)


def stored_form(module):
    """Replace, in place and at any depth, convolution (+ batch norm) by its stored form."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(module, name, StoredConvolution(child))
        elif isinstance(child, nn.Sequential) and len(child) > 1 \
                and isinstance(child[1], nn.BatchNorm2d):
            fused = nn.utils.fusion.fuse_conv_bn_eval(child[0], child[1])
            setattr(module, name, nn.Sequential(StoredConvolution(fused), *child[2:]))
        else:
            stored_form(child)
    return module


def script(net):
    """TorchScript of the stored form of `net`; `net` itself stays as it is."""
    return torch.jit.script(stored_form(copy.deepcopy(net).eval()))


def save_without_sources(module, path):
    """Save `module` without the source positions, which hold paths of this machine."""
    whole = io.BytesIO()
    torch.jit.save(module, whole)
    reader = torch._C.PyTorchFileReader(io.BytesIO(whole.getvalue()))
    writer = torch._C.PyTorchFileWriter(str(path))
    for record in reader.get_all_records():
        if not record.endswith(".debug_pkl") and record not in ("version", "byteorder"):
            content = reader.get_record(record)
            writer.write_record(record, content, len(content))
    writer.write_end_of_file()


def write_card(folder, net, score):
    """The card beside the .pt: shapes are for one frame, as in every card."""
    cells = (INPUT_HEIGHT // STRIDE) * (INPUT_WIDTH // STRIDE)
    file = f"{NAME}.pt"
    card = {
        "name": NAME,
        "kind": "detector",
        "file": file,
        "input": {"shape": [1, 3, INPUT_HEIGHT, INPUT_WIDTH], "layout": "NCHW",
                  "dtype": "float32", "color": "BGR", "range": [0, 255]},
        "outputs": [[1, cells, 4], [1, cells, len(CLASSES)]],
        "parameters": sum(b.numel() for b in net.buffers()),
        "licence": LICENCE,
        "classes": list(CLASSES),
        "boxes": "x1,y1,x2,y2 in 0..1; apply a score threshold and NMS",
        "recommended": {"score": score, "nms_iou": 0.5},
        "sha256": hashlib.sha256((folder / file).read_bytes()).hexdigest(),
    }
    (folder / f"{NAME}.json").write_text(json.dumps(card, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", required=True, help="state written by train_detector.py")
    parser.add_argument("--out", required=True, help="folder for the .pt and its card")
    parser.add_argument("--score", type=float, default=0.3, help="recommended score threshold")
    arguments = parser.parse_args()
    folder = Path(arguments.out)
    net = DetectorNet()
    state = torch.load(arguments.state, map_location="cpu")
    net.load_state_dict({key: torch.as_tensor(value) for key, value in state.items()})
    module = script(net)
    save_without_sources(module, folder / f"{NAME}.pt")
    write_card(folder, module, arguments.score)
    print((folder / f"{NAME}.pt").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
