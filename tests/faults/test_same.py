def test_x(undisturbed, toy):
    import time
    t=time.time(); d=toy.repro(); print(d.stdout, d.stderr, time.time()-t)
    t=time.time(); d=toy.stage("train"); print(d.stdout, d.stderr, time.time()-t)
    t=time.time(); d=toy.stage("figures"); print(d.stdout, d.stderr, time.time()-t)
    print(toy.hashes("data","train","evaluate","figures")==undisturbed.hashes("data","train","evaluate","figures"), toy.processes())
    print((toy.root/".git/info/exclude").read_text()); import subprocess; print(subprocess.run("git status --short; cat papers/toy/dvc.lock; find . -path ./.git -prune -o -type f -print | grep -v cache",shell=True,cwd=toy.root,capture_output=True,text=True).stdout)
