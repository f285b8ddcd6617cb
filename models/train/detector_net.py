"""The detector network: a stride-8 map of object centres with box distances.

A small residual backbone reaches stride 32; two top-down steps bring its context back to
stride 8. Each cell of the stride-8 map says how likely it is the centre of a person or of
a vehicle, and how far the box reaches from the cell's middle to the left, top,
right and bottom (as in FCOS; centres as in CenterNet).
"""

import torch
import torch.nn.functional as F
from torch import nn

STRIDE = 8  # pixels a cell
CLASSES = ("person", "vehicle")
INPUT_WIDTH, INPUT_HEIGHT = 512, 384


def convolution(inputs, outputs, size=3, stride=1, active=True):
    """Convolution, batch norm and, if `active`, ReLU; keeps the size at stride 1."""
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
              nn.BatchNorm2d(outputs, momentum=0.03)]
    if active:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """x + a 1x1 convolution to half the channels and a 3x3 one back."""

    def __init__(self, channels):
        super().__init__()
        self.narrow = convolution(channels, channels // 2, 1)
        self.wide = convolution(channels // 2, channels, 3, active=False)

    def forward(self, x):
        return F.relu(x + self.wide(self.narrow(x)))


class DetectorNet(nn.Module):
    """BGR pixels 0..255 [B, 3, H, W], H and W multiples of 32, to boxes and scores."""

    def __init__(self):
        super().__init__()
        self.to_stride8 = nn.Sequential(
            convolution(3, 16, 3, 2), convolution(16, 32, 3, 2),
            convolution(32, 64, 3, 2))
        self.to_stride16 = nn.Sequential(
            convolution(64, 112, 3, 2), Residual(112))
        self.to_stride32 = nn.Sequential(
            convolution(112, 128, 3, 2), Residual(128), Residual(128))
        self.lateral32 = convolution(128, 112, 1)
        self.merge16 = Residual(112)
        self.lateral16 = convolution(112, 64, 1)
        self.merge8 = nn.Sequential(Residual(64), Residual(64))
        self.head = nn.Conv2d(64, len(CLASSES) + 4, 1)
        nn.init.constant_(self.head.bias[:len(CLASSES)], -4.6)  # scores start at 0.01

    def maps(self, x):
        """Raw maps [B, 2 + 4, H / 8, W / 8]: class logits, then logs of the distances."""
        fine = self.to_stride8((x - 110.0) / 60.0)
        middle = self.to_stride16(fine)
        coarse = self.lateral32(self.to_stride32(middle))
        middle = self.merge16(middle + F.interpolate(coarse, scale_factor=2.0, mode="nearest"))
        context = F.interpolate(self.lateral16(middle), scale_factor=2.0, mode="nearest")
        return self.head(self.merge8(fine + context))

    def forward(self, x):
        """Boxes [B, N, 4] (x1, y1, x2, y2, cut to 0..1) and scores [B, N, 2], N = H W / 64.

        A cell that is not the maximum of its 3x3 neighbourhood scores 0.
        """
        maps = self.maps(x)
        rows, columns = maps.size(2), maps.size(3)
        scores = maps[:, :2].sigmoid()
        peak = F.max_pool2d(scores, 3, 1, 1)
        scores = scores * (scores >= peak).to(scores.dtype)
        middle_y = (torch.arange(rows, dtype=x.dtype, device=x.device) + 0.5).view(1, rows, 1)
        middle_x = (torch.arange(columns, dtype=x.dtype, device=x.device) + 0.5).view(1, 1, columns)
        reach = distances(maps)
        boxes = torch.stack([(middle_x - reach[:, 0]) / columns, (middle_y - reach[:, 1]) / rows,
                             (middle_x + reach[:, 2]) / columns, (middle_y + reach[:, 3]) / rows],
                            dim=-1)
        return boxes.flatten(1, 2).clamp(0.0, 1.0), scores.flatten(2).transpose(1, 2)


def distances(maps):
    """Distances [B, 4, h, w] in cells: left, top, right, bottom of the cell's middle."""
    return maps[:, 2:].clamp(-4.0, 4.0).exp() * 2.0
