import numpy as np
import torch

from workers.science.ring_spectra import ring_spectra
from workers.science.shapenet.examples import write_examples
from workers.science.shapenet.exposures import expose_block
from workers.science.shapenet.network import ShapeNetwork, as_tensors, from_tensors, shape_network
from workers.science.shapenet.rings import ring_channels
from workers.science.shapenet.train import ShapeRecipe, share_found, standardise, train_shapes


def test_training_finds_the_exposures_of_particles_that_it_never_saw(tmp_path):
    examples = write_examples(tmp_path, 192, 3)
    untrained = ShapeNetwork()
    standardise(untrained, examples)
    recipe = ShapeRecipe(n_steps=30, batch_size=128)
    network, found = train_shapes(examples, recipe)
    assert found > 0.15  # of 48; by chance 0.02
    assert found > share_found(untrained.eval(), examples)
    again, _ = train_shapes(examples, recipe)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-4, atol=1e-4)


def test_examples_are_kept_and_made_anew_for_another_seed(tmp_path):
    rings = write_examples(tmp_path, 1, 3).rings
    written = (tmp_path / "rings.npy").stat().st_mtime_ns
    write_examples(tmp_path, 1, 3)
    assert (tmp_path / "rings.npy").stat().st_mtime_ns == written
    before = np.array(rings)
    others = write_examples(tmp_path, 1, 4).rings
    assert not np.array_equal(before, others)


def test_the_network_that_comes_with_fringe_knows_a_particle_again_at_another_size():
    maps = expose_block(987_654_321, 0)[0][:, :2].astype(np.float32)  # a seed that nothing was learned from
    first, second = (
        shape_network()(torch.from_numpy(ring_channels(part)), torch.from_numpy(ring_spectra(part)))
        for part in (maps[:, 0], maps[:, 1])
    )
    torch.testing.assert_close(first.norm(dim=1), torch.ones(len(first)))
    found = (torch.argmax(first @ second.T, dim=1) == torch.arange(len(first))).float().mean()
    assert found > 0.6


def test_a_network_survives_its_tensors():
    network = shape_network()
    again = from_tensors(as_tensors(network, "a."), "a.")
    rings, spectra = torch.randn(2, 31, 48), torch.randn(2, network.spectra_mean.numel())
    torch.testing.assert_close(again(rings, spectra), network(rings, spectra))
