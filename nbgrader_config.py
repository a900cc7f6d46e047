"""The course as nbgrader knows it.  Only wiring: what is wired is in lmlib.grading."""

from lmlib.grading import late, nbgrader_lms, nbgrader_plugin

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "language_models"

# nbgrader copies a student's files before anything else looks at them; here intake brings the few
# that an assignment accepts.
c.CourseDirectory.ignore = ["*"]

c.GenerateAssignment.preprocessors = nbgrader_plugin.GENERATE_PREPROCESSORS
c.Autograde.sanitize_preprocessors = [nbgrader_plugin.Intake]
c.Autograde.autograde_preprocessors = nbgrader_plugin.AUTOGRADE_PREPROCESSORS
c.GenerateFeedback.exporter_class = nbgrader_plugin.FeedbackPage

# Late days, extensions and penalties are in course.toml.
c.AssignLatePenalties.plugin_class = late.LateDays

# What students wrote and what their code showed cannot act as the grader who looks at it.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {"markdown2html": nbgrader_plugin.safe_markdown}
c.HTMLExporter.extra_template_basedirs = nbgrader_plugin.FORMGRADER_TEMPLATES

# `nbgrader zip_collect` knows the downloads of Canvas, Moodle and Gradescope.
c.ZipCollectApp.extractor_plugin = nbgrader_lms.LmsExtractor
c.ZipCollectApp.collector_plugin = nbgrader_lms.LmsCollector
