import timm

from oral_cancer.settings.networks import architectures, instead_of_network


def test_the_names_read_from_timms_source_are_those_that_it_registers() -> None:
    known = architectures()
    assert set(timm.list_models()) <= known
    assert [name for name in known if not timm.is_model(name)] == []
    assert timm.is_model("vit_tiny_patch16_224_in21k")  # of a former version
    assert "vit_tiny_patch16_224_in21k" in known


def test_a_network_is_known_with_its_weights_and_never_an_address() -> None:
    assert instead_of_network("tf_efficientnet_b3.aa_in1k") == ""
    for name in ("hf-hub:timm/resnet18", "resnet18.a/../b", "./resnet18", "", "resnet18."):
        assert instead_of_network(name).startswith("the name of a network that timm has; ")
    assert instead_of_network("efficientnet_lite_0").endswith("did you mean efficientnet_lite0?")
