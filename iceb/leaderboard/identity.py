"""The fields that two results must share to stand in one table."""

from dataclasses import dataclass

from iceb.base.digest import digest
from iceb.specs.results import Result
from iceb.specs.runs import Sampling


@dataclass(frozen=True)
class Identity:
    """The fields that two results must share to be in one table.

    Attributes:
        data: digest of the data files' digests.
        noise_from: the kind of device whose generator drew the noise; "" where images have their own, alike everywhere.
    """

    task: str
    task_version: int
    dataset: str
    dataset_version: int
    data: str
    family: str
    repo: str
    revision: str
    dtype: str
    sampling: Sampling
    noise_from: str

    @classmethod
    def of(cls, result: Result) -> "Identity":
        """Return the identity of this result's table."""
        return cls(
            task=result.task.name,
            task_version=result.task.version,
            dataset=result.task.dataset,
            dataset_version=result.task.dataset_version,
            data=digest(result.task.data_sha256),
            family=result.model.family,
            repo=result.model.repo,
            revision=result.model.revision,
            dtype=result.model.dtype,
            sampling=result.sampling,
            noise_from=result.device_kind if result.sampling.noise == "upstream" else "",
        )
