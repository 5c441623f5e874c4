import math

import torch
from torch.nn import functional

from workers.science.shapenet.contrast import contrast

NO, ALONE = torch.tensor([False, False]), torch.tensor([-1, -1])


def loss(shapes, families=ALONE, is_sphere=NO, family_share=0.0):
    shapes = functional.normalize(torch.tensor(shapes, dtype=torch.float32), dim=1)
    return contrast(shapes, families, is_sphere, temperature=0.5, family_share=family_share).item()


def test_without_families_it_is_the_loss_of_simclr():
    # Two particles at right angles, both exposures equal: one cosine of 1, two of 0.
    expected = math.log(1 + 2 * math.exp(-2))
    assert math.isclose(loss([[1, 0], [0, 1], [1, 0], [0, 1]]), expected, rel_tol=1e-5)


def test_particles_of_one_family_are_drawn_together_by_their_share():
    apart, near = [[1, 0], [0, 1], [1, 0], [0, 1]], [[1, 0], [1, 0.5], [1, 0], [1, 0.5]]
    one_family = torch.tensor([3, 3])
    assert loss(apart) < loss(near)
    assert loss(apart, one_family, family_share=0.8) > loss(near, one_family, family_share=0.8)
    assert loss(apart, torch.tensor([3, 4]), family_share=0.8) < loss(
        near, torch.tensor([3, 4]), family_share=0.8
    )


def test_spheres_are_not_told_from_each_other():
    both = torch.tensor([True, True])
    assert math.isclose(loss([[1, 0], [1, 0], [1, 0], [1, 0]], is_sphere=both), 0, abs_tol=1e-5)
    assert loss([[1, 0], [1, 0], [1, 0], [1, 0]]) > 1


def test_a_particle_with_neither_mate_nor_share_gives_finite_gradients():
    shapes = torch.randn(6, 8, requires_grad=True)
    families = torch.tensor([0, 0, -1])
    contrast(
        functional.normalize(shapes, dim=1),
        families,
        torch.tensor([False, False, False]),
        temperature=0.1,
        family_share=0.3,
    ).backward()
    assert torch.isfinite(shapes.grad).all()
