"""Call a method's `edit`: time it, and check the edit and that the model is unchanged."""

import time
from collections.abc import Callable, Mapping, Sequence

from iceb.base.errors import IcebError, MethodError
from iceb.base.frames import describe
from iceb.base.out_of_memory import REMEDY, out_of_memory
from iceb.base.progress import stage
from iceb.models.bundle import ModelBundle
from iceb.models.checking import check_edit
from iceb.models.model_watch import watch_model
from iceb.running.cost import peak_bytes, peak_gpu_bytes
from iceb.running.weight_change import relative_change
from iceb.specs.methods import EditMethod, MethodContext
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Scalar
from iceb.stores.edits import MadeEdit


def make_edit(
    method: EditMethod,
    params: Mapping[str, Scalar],
    bundle: ModelBundle,
    requests: Sequence[EditRequest],
    context: MethodContext,
    withdraw: Callable[[], None],
) -> MadeEdit:
    """Make the edit of `requests` now.

    Args:
        params: the method's settings, for the record.
        withdraw: takes back what the method stored, if it changes the model.

    Raises:
        MethodError: the method failed, changed the model, or what it returned does not fit the model.
    """
    name = method.card.name
    try:
        with stage(f"editing: {name}"), watch_model(bundle, f"method {name}", withdraw):
            began = time.perf_counter()  # the model is loaded by now
            edit = method.edit(bundle, requests, context=context)
            checked = check_edit(edit, bundle, method.card)
            seconds = time.perf_counter() - began
    except IcebError:
        raise
    except Exception as error:  # a third-party method may raise anything
        if out_of_memory(error):
            raise MethodError(f"method {name}: out of memory on {len(requests)} requests: {REMEDY}") from error
        raise MethodError(f"method {name} raised {describe(error)} on {len(requests)} requests") from error
    about = {
        "method": name,
        "version": method.card.version,
        "params": params,
        "model": bundle.ref.repo,
        "how": {"precision": context.execution.precision, **bundle.pass_sizes.in_use},
        "requests": len(requests),
    }
    change = relative_change(checked, bundle)
    return MadeEdit(checked, seconds, peak_bytes(), peak_gpu_bytes(), about, change)
