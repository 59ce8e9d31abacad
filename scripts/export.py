"""Write a model of a finished study as ONNX files, one a fold and one for their ensemble, with a model card.

python scripts/export.py outputs/studies/paper experiment=m5
"""

from oral_cancer.command import faults_in_one_line, of_a_study


def main(arguments: list[str] | None = None) -> None:
    """Run the command; see the module's docstring."""
    with faults_in_one_line():
        study, settings = of_a_study("export", __doc__, arguments)

        from oral_cancer.inference.export import export_model  # heavy: neither --help nor a refusal needs it

        export_model(study, settings)


if __name__ == "__main__":
    main()
