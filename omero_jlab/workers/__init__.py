"""Processes that read foreign files: forked, confined to a folder, and expendable; and those
that do a job's heavy work.
"""

from .job_process import JobProcess, JobProcessEnded, JobProcesses
from .pool import Workers

__all__ = ["JobProcess", "JobProcessEnded", "JobProcesses", "Workers"]
