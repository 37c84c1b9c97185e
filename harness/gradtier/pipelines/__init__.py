"""Ready-made jobs for GitHub Actions and GitLab, made from a matrix: shards, cards, merge, page."""

from gradtier.pipelines.jobs import FORMATS, Jobs, jobs, render

__all__ = ["FORMATS", "Jobs", "jobs", "render"]
