"""What nbgrader's own tests of the exchange run with: our wiring, as far as it concerns them.

`make soak` runs them from nbgrader's package. Their courses have no course.toml, so notebooks are
made, graded and shown by nbgrader's own steps; what is copied where, and what is released, is ours.
"""

from nbjudge.plugins import nbgrader

c = get_config()  # noqa: F821  (nbgrader provides it)
nbgrader.wire(c)
for section, setting in (
    (c.GenerateAssignment, "preprocessors"),
    (c.Autograde, "sanitize_preprocessors"),
    (c.Autograde, "autograde_preprocessors"),
    (c.AssignLatePenalties, "plugin_class"),
    (c.GenerateFeedback, "exporter_class"),
):
    del section[setting]
