"""Call a method's `edit`: time it, and check the edit and that the model is unchanged."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from iceb.base.errors import IcebError, MethodError
from iceb.base.frames import describe
from iceb.base.progress import stage
from iceb.base.shortage import SMALLER, out_of_memory
from iceb.models.bundle import ModelBundle
from iceb.models.checking import check_edit
from iceb.models.model_watch import watch_model
from iceb.running.cost import peak_bytes, peak_gpu_bytes
from iceb.specs.execution import Execution
from iceb.specs.requests import EditRequest
from iceb.stores.edits import MadeEdit

if TYPE_CHECKING:
    from iceb.running.method_runner import ChosenMethod


def make_edit(
    chosen: "ChosenMethod", bundle: ModelBundle, requests: Sequence[EditRequest], cache: Path, execution: Execution
) -> MadeEdit:
    """Make the edit of `requests` now.

    Raises:
        MethodError: the method failed, changed the model, or what it returned does not fit the model.
    """
    name, scratch = chosen.card.name, chosen.scratch(bundle, cache, execution.precision)
    context = chosen.context(bundle, scratch, execution)
    try:
        with stage(f"editing: {name}"), watch_model(bundle, f"method {name}", scratch.withdraw):
            began = time.perf_counter()  # the model is loaded by now
            edit = chosen.method.edit(bundle, requests, context=context)
            checked = check_edit(edit, bundle, chosen.card)
            seconds = time.perf_counter() - began
    except IcebError:
        raise
    except Exception as error:  # a third-party method may raise anything
        if out_of_memory(error):
            raise MethodError(f"method {name}: out of memory on {len(requests)} requests: {SMALLER}") from error
        raise MethodError(f"method {name} raised {describe(error)} on {len(requests)} requests") from error
    about = {
        "method": name,
        "version": chosen.card.version,
        "params": chosen.params,
        "model": bundle.ref.repo,
        "how": {"precision": execution.precision, **bundle.pass_sizes.in_use},
        "requests": len(requests),
    }
    return MadeEdit(checked, seconds, peak_bytes(), peak_gpu_bytes(), about)
