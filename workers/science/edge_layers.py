"""The last convolution of the image form, which leads to one channel."""

from torch import Tensor, nn
from torch.nn import functional


class LastConvolution(nn.ConvTranspose2d):
    """From many channels to one, at twice the side.

    On a CPU the transposed convolution of torch reaches a tenth of its usual rate with one channel. Written
    as a product that gives 4 x 4 patches, which are then added up, it takes half the time; weights and result
    are those of the layer that this one derives from. The first layer, from one channel, gains nothing so.
    """

    def __init__(self, n_in: int) -> None:
        super().__init__(n_in, 1, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Return images (b, 1, 2 h, 2 w) of (b, n_in, h, w)."""
        if x.device.type != "cpu":
            return super().forward(x)
        patches = self.weight.flatten(1).T @ x.flatten(2)  # (b, 16, h * w)
        side = (2 * x.shape[2], 2 * x.shape[3])
        return functional.fold(patches, side, kernel_size=4, padding=1, stride=2) + self.bias
