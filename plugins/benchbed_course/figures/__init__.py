"""The figures of the course, a module for each problem; listed in `benchbed_course.figure_list`."""
