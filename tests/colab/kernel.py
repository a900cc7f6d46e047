"""A notebook run as Colab runs one: fetched from an address, in an old kernel, cell after cell."""

import json
import urllib.request
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode


def fetched(address: str) -> NotebookNode:
    """The notebook at an address."""
    with urllib.request.urlopen(address) as response:
        return nbformat.reads(response.read().decode(), as_version=4)


def run(notebook: NotebookNode, python: Path, folder: Path) -> dict[str, NotebookNode]:
    """The notebook's cells after a run in `folder`; those that raise do not stop it."""
    environment = {
        "LMLIB_PROFILE": "smoke",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(folder.parent / "matplotlib"),  # fonts are looked for once
        "OMP_NUM_THREADS": "1",  # other tests run beside this one
        "OPENBLAS_NUM_THREADS": "1",
    }
    kernel = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab",
        "language": "python",
        "env": environment,
    }
    (folder / "kernels" / "colab").mkdir(parents=True)
    (folder / "kernels" / "colab" / "kernel.json").write_text(json.dumps(kernel))
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")])
    content = folder / "content"
    content.mkdir()
    manager = AsyncKernelManager(kernel_name="colab", kernel_spec_manager=specs)
    client = NotebookClient(notebook, km=manager, timeout=300, allow_errors=True)
    done = client.execute(cwd=str(content), cleanup_kc=True)
    return {cell.id: cell for cell in done.cells}
